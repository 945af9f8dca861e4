//! Webhooks as providers send them, signed by formulas that are written here a second time.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use time::OffsetDateTime;

use crate::MARKER;

pub(crate) const SECRET: &str = "0123456789abcdef-secret";
pub(crate) const STANDARD_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZi1zZWNyZXQ=";
pub(crate) const BEARER: &str = "Bearer 0123456789abcdef";
pub(crate) const ENTRA_USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";
pub(crate) const PUBLIC_URL: &str = "https://hooks.example.gov";

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Webhook {
    fn new(provider: &str, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { method: Method::POST, path: format!("/webhooks/{provider}"), headers, body: body.into_bytes() }
    }

    /// The same with another value of a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    /// The same with another secret in the body.
    pub(crate) fn with_another_secret(mut self) -> Self {
        let body = String::from_utf8(self.body).unwrap();
        self.body = body.replace(SECRET, &SECRET.to_uppercase()).into_bytes();
        self
    }

    /// Whether the body itself has the secret, so that no other part of it proves anything.
    pub(crate) fn has_secret_in_body(&self) -> bool {
        self.path == "/webhooks/entra"
    }

    pub(crate) fn to(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn timestamped(body: &str, at: i64) -> String {
    let digest = hex::encode(hmac(SECRET.as_bytes(), format!("{at}.{body}").as_bytes()));
    format!("t={at},v1={digest}")
}

/// A webhook about a verified session, sent this many seconds ago.
pub(crate) fn stripe_sent(session: &str, seconds_ago: i64) -> Webhook {
    let kind = "identity.verification_session.verified";
    stripe_signed(
        &format!(
            r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{{"id":"{session}",
            "verified_outputs":{{"first_name":"{MARKER}-first"}}}}}},"{MARKER}-key":[1]}}"#
        ),
        seconds_ago,
    )
}

/// Any body, signed as Stripe does.
pub(crate) fn stripe_signed(body: &str, seconds_ago: i64) -> Webhook {
    let signature = timestamped(body, now() - seconds_ago);
    Webhook::new("stripe", body.to_owned()).with("stripe-signature", signature)
}

pub(crate) fn stripe(session: &str) -> Webhook {
    stripe_sent(session, 0)
}

pub(crate) fn persona(inquiry: &str) -> Webhook {
    let body = format!(
        r#"{{"data":{{"id":"evt_1","attributes":{{"name":"inquiry.approved","payload":{{"data":{{
        "type":"inquiry","id":"{inquiry}","attributes":{{"name-first":"{MARKER}-first",
        "updated-at":"2026-11-22T18:06:12.000Z"}}}}}}}}}}}}"#
    );
    let signature = timestamped(&body, now());
    Webhook::new("persona", body).with("persona-signature", format!("t=1,v1=00 {signature}"))
}

fn hubspot(contact: u64) -> Webhook {
    let body = format!(
        r#"[{{"subscriptionType":"contact.propertyChange","objectId":{contact},
        "propertyName":"email","propertyValue":"{MARKER}@example.org"}}]"#
    );
    let at = now() * 1000;
    let text = format!("POST{PUBLIC_URL}/webhooks/hubspot{body}{at}");
    let digest = STANDARD.encode(hmac(SECRET.as_bytes(), text.as_bytes()));
    let webhook = Webhook::new("hubspot", body).with("x-hubspot-request-timestamp", at.to_string());
    webhook.with("x-hubspot-signature-v3", digest)
}

fn contentful(entry: &str) -> Webhook {
    let body = format!(r#"{{"sys":{{"type":"Entry","id":"{entry}"}},"fields":{{"t":"{MARKER}-field"}}}}"#);
    let at = now() * 1000;
    let names = "content-type,x-contentful-signed-headers,x-contentful-timestamp";
    let kind = "application/vnd.contentful.management.v1+json";
    let headers =
        format!("content-type:{kind};x-contentful-signed-headers:{names};x-contentful-timestamp:{at}");
    let text = format!("POST\n/webhooks/contentful\n{headers}\n{body}");
    let webhook = Webhook::new("contentful", body).with("content-type", kind);
    let webhook = webhook.with("x-contentful-signed-headers", names);
    let webhook = webhook.with("x-contentful-timestamp", at.to_string());
    webhook.with("x-contentful-signature", hex::encode(hmac(SECRET.as_bytes(), text.as_bytes())))
}

fn standard(id: &str) -> Webhook {
    let body = format!(r#"{{"type":"person.verified","data":{{"id":"{id}","name":"{MARKER}-name"}}}}"#);
    let at = now();
    let key = STANDARD.decode(STANDARD_SECRET.trim_start_matches("whsec_")).unwrap();
    let digest = STANDARD.encode(hmac(&key, format!("msg_1.{at}.{body}").as_bytes()));
    let webhook = Webhook::new("standard-webhooks", body).with("webhook-id", "msg_1");
    webhook.with("webhook-timestamp", at.to_string()).with("webhook-signature", format!("v1,{digest}"))
}

/// The second notification is a copy, as Graph sends them.
fn entra(user: &str) -> Webhook {
    entra_about(&format!(
        r#""changeType":"updated","resource":"Users/{user}","resourceData":{{"id":"{user}","displayName":"{MARKER}-name"}}"#
    ))
}

/// Notifications with these fields.
pub(crate) fn entra_about(fields: &str) -> Webhook {
    let one = format!(
        r#"{{"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","clientState":"{SECRET}",
        "tenantId":"9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5",{fields}}}"#
    );
    Webhook::new("entra", format!(r#"{{"value":[{one},{one}]}}"#))
}

fn okta(user: &str) -> Webhook {
    let body = format!(
        r#"{{"data":{{"events":[{{"eventType":"user.lifecycle.suspend","target":[{{"id":"{user}","type":"User",
        "displayName":"{MARKER}-name"}}]}}]}}}}"#
    );
    Webhook::new("okta", body).with("authorization", BEARER)
}

pub(crate) fn auth0(user: &str) -> Webhook {
    let body = format!(
        r#"{{"type":"user.updated","data":{{"object":{{"user_id":"{user}","email":"{MARKER}@example.org"}}}}}}"#
    );
    Webhook::new("auth0", body).with("authorization", BEARER)
}

fn scim(user: &str) -> Webhook {
    let schema = "urn:ietf:params:scim:schemas:core:2.0:User";
    let body = format!(r#"{{"schemas":["{schema}"],"id":"{user}","userName":"{MARKER}"}}"#);
    Webhook::new("scim", body).with("authorization", BEARER)
}

/// A record that is handed over, or its removal.
pub(crate) fn record(method: Method, path: &str, body: &[u8]) -> Webhook {
    let signed = [format!("{method}\n{path}\n").as_bytes(), body].concat();
    let signature = format!("sha256={}", hex::encode(hmac(SECRET.as_bytes(), &signed)));
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let record = Webhook { method, path: path.to_owned(), headers, body: body.to_vec() };
    record.with("x-coppice-signature", signature)
}

/// One webhook of every provider, with the ID that it names.
pub(crate) fn of_every_provider() -> Vec<(&'static str, Webhook)> {
    vec![
        ("vs_1", stripe("vs_1")),
        ("inq_1", persona("inq_1")),
        ("70", hubspot(70)),
        ("entry1", contentful("entry1")),
        ("P-1", standard("P-1")),
        (ENTRA_USER, entra(ENTRA_USER)),
        ("00u1", okta("00u1")),
        ("auth0|1", auth0("auth0|1")),
        ("2819", scim("2819")),
    ]
}
