//! Webhooks to the router of `webhook-ingress`, as any sender may send them.
//!
//! An input is a first line with the path's last part, `signed` or `forged`, and a time if it is not now; then lines with
//! headers, an empty line, and the body. A signed webhook is authentic, so that its body is read. A forged webhook is sent as
//! it is: each process has new secrets, so that no input can know them, and no forged webhook may be accepted.

use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_bus::{BusEntry, BusError, EntryError, EventBus};
use event_contract::{Envelope, IngressChange, IngressEvent};
use postgres_store::Store;
use serde_json::value::RawValue;
use settings::Reader;
use time::OffsetDateTime;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use webhook_ingress::{IngressSettings, Intake, router};

use crate::events::{is_id, is_readable};
use crate::marker::{MARKER, planted};
use crate::signature::{PUBLIC_URL, SECRET_IN_BODY, sign};

/// Whose webhooks are accepted: a source of each connector that has some, named after it, and the senders that are no source.
pub const SENDERS: [&str; 10] = [
    "auth0",
    "contentful",
    "entra",
    "hubspot",
    "okta",
    "persona",
    "rest",
    "scim",
    "standard-webhooks",
    "stripe",
];

const SOURCES: &str = r#"
[sources.auth0]
role = "sso"
connector = "auth0"
url = "https://auth0.example"
client_id = "none"
client_secret = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]

[sources.entra]
role = "sso"
connector = "entra"
tenant_id = "9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5"
client_id = "none"
client_secret = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]

[sources.hubspot]
role = "crm"
connector = "hubspot"
token = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]

[sources.okta]
role = "sso"
connector = "okta"
url = "https://okta.example"
api_token = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]

[sources.persona]
role = "identity"
connector = "persona"
api_key = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]

[sources.rest]
role = "registry"
connector = "rest"
url = "https://rest.example"
auth = { kind = "none" }
ping = "/up"
fetch = { path = "/people/{id}" }
map.email = "$.email"
webhook_secrets = [{ secret = "encoded" }]

[sources.scim]
role = "sso"
connector = "scim"
url = "https://scim.example"
token = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]

[sources.stripe]
role = "identity"
connector = "stripe"
api_key = { secret = "none" }
webhook_secrets = [{ secret = "webhook" }]
"#;

/// A bus that accepts everything.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<BusEntry>>>);

impl EventBus for Taken {
    async fn publish(&self, entries: &[BusEntry]) -> Result<Vec<Result<(), EntryError>>, BusError> {
        self.0.lock().unwrap().extend_from_slice(entries);
        Ok(vec![Ok(()); entries.len()])
    }

    async fn verify(&self) -> Result<(), BusError> {
        Ok(())
    }
}

struct Ingress {
    runtime: Runtime,
    router: Router,
    taken: Taken,
    secret: String,
}

impl Ingress {
    fn new() -> Self {
        let secret = format!("{:032x}", rand::random::<u128>());
        let encoded = format!("whsec_{}", STANDARD.encode(&secret));
        let settings = [
            ("COPPICE_CONFIG", SOURCES),
            ("COPPICE_SECRET_WEBHOOK", &secret),
            ("COPPICE_SECRET_ENCODED", &encoded),
            ("COPPICE_CONTENTFUL_WEBHOOK_SECRETS", &secret),
            ("COPPICE_STANDARD_WEBHOOKS_SECRETS", &encoded),
            ("COPPICE_PUBLIC_URL", PUBLIC_URL),
            ("COPPICE_REQUESTS_PER_SECOND", "100000"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings: IngressSettings = Reader::from_variables(settings).load().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let taken = Taken::default();
        let entered = runtime.enter();
        // The store is never used, since the bus accepts everything.
        let store = Store::open(&"postgres://coppice@127.0.0.1:9/none".into(), 2).unwrap();
        let router = router(settings, Intake::new(taken.clone(), store));
        drop(entered);
        Self { runtime, router, taken, secret }
    }

    /// The reply's status, and the entries that the bus has.
    fn send(&self, provider: &str, headers: HeaderMap, body: &[u8]) -> (StatusCode, Vec<BusEntry>) {
        let mut request = Request::post(format!("/webhooks/{provider}"));
        *request.headers_mut().unwrap() = headers;
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let (status, reply) = self.runtime.block_on(async {
            let reply = self.router.clone().oneshot(request).await.unwrap();
            (reply.status(), to_bytes(reply.into_body(), 64).await.expect("replies are short"))
        });
        assert!(!String::from_utf8_lossy(&reply).contains(MARKER), "a reply quotes the request");
        (status, std::mem::take(&mut *self.taken.0.lock().unwrap()))
    }
}

static INGRESS: LazyLock<Mutex<Ingress>> = LazyLock::new(|| Mutex::new(Ingress::new()));

/// Bodies signed as Stripe does, and forged headers of Stripe's.
pub fn webhook_stripe(input: &[u8]) {
    webhook_any(&[b"stripe signed\n\n", input].concat());
    webhook_any(&[b"stripe forged\nstripe-signature: ", input].concat());
}

/// Whole requests to any provider's path.
pub fn webhook_any(input: &[u8]) {
    let Some(webhook) = Webhook::read(input) else { return };
    webhook.send(&webhook.body);
    if let Ok(text) = str::from_utf8(&webhook.body) {
        webhook.send(planted(text).as_bytes());
    }
}

struct Webhook {
    provider: &'static str,
    /// The time of the signature, if it is signed.
    signed_at: Option<String>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Webhook {
    fn read(input: &[u8]) -> Option<Self> {
        let mut lines = input.splitn(2, |byte| *byte == b'\n');
        let first = str::from_utf8(lines.next()?).ok()?;
        let mut rest = lines.next()?;
        let mut words = first.splitn(3, ' ');
        let named = words.next()?;
        let provider = SENDERS.into_iter().find(|sender| *sender == named)?;
        let signed = words.next()? == "signed";
        let now = || {
            let seconds = OffsetDateTime::now_utc().unix_timestamp();
            if matches!(provider, "hubspot" | "contentful") { seconds * 1000 } else { seconds }.to_string()
        };
        let signed_at = signed.then(|| words.next().map_or_else(now, str::to_owned));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let (line, left) = rest.split_at(end);
            rest = left.get(1..).unwrap_or_default();
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            // The HTTP library refuses a line that is no header.
            let name = HeaderName::from_bytes(line[..colon].trim_ascii());
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        Some(Self { provider, signed_at, headers, body: rest.to_vec() })
    }

    fn send(&self, body: &[u8]) {
        let ingress = INGRESS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut headers = self.headers.clone();
        let mut body = body.to_vec();
        if let Some(at) = &self.signed_at {
            if let ("entra", Ok(text)) = (self.provider, str::from_utf8(&body)) {
                body = text.replace(SECRET_IN_BODY, &ingress.secret).into_bytes();
            }
            sign(self.provider, &ingress.secret, at, &mut headers, &body);
        }
        let (status, entries) = ingress.send(self.provider, headers, &body);
        let answer = format!("{} answered {status}", self.provider);
        assert!(status == StatusCode::OK || entries.is_empty(), "{answer}, and published");
        if self.signed_at.is_none() {
            assert!(!status.is_success(), "a forged webhook is accepted: {answer}");
        }
        assert!(!status.is_server_error() && status != StatusCode::ACCEPTED, "{answer}");
        for entry in &entries {
            let event: IngressEvent = serde_json::from_str(entry.detail()).unwrap();
            let names_none = event.change == IngressChange::Missed;
            assert!(event.ids.is_empty() == names_none && !entry.detail_type().contains(MARKER));
            event.ids.iter().for_each(|id| is_id(id));
            is_readable(&Envelope {
                id: "9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa".parse().unwrap(),
                source: entry.source().to_owned(),
                detail_type: entry.detail_type().to_owned(),
                time: OffsetDateTime::now_utc(),
                detail: RawValue::from_string(entry.detail().to_owned()).unwrap(),
            });
        }
    }
}
