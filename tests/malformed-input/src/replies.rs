//! Providers' replies, read by their clients from a server on this machine.
//!
//! An input's first byte chooses the call; the rest is the body of the reply.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode, Uri};
use connectors::{
    Auth0Client, Batches, EntraClient, Fetched, FoundSignIn, HubSpotClient, OktaClient, Page, PersonaClient,
    ProviderError, Push, RecordWrite, Records, SalesforceClient, ScimClient, SignIns, StripeClient, Written,
};
use provider_content::{
    ChangesError, ChangesPage, ContentProvider, ContentfulClient, DirectusClient, FetchedItem, ItemKey,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::contents::{contentful, directus};
use crate::events::{auth0, entra, hubspot, is_id, okta, persona, salesforce, scim, stripe};
use crate::marker::{planted, says_nothing};

/// The calls, in the order of an input's first byte.
pub(crate) const QUESTIONS: [char; 18] =
    ['a', 'A', 'o', 'O', 'c', 's', 'p', 'f', 'w', 'r', 'l', 't', 'T', 'd', 'D', 'e', 'h', 'H'];

pub(crate) const CONTACT: &str = "0037Q00000HbKmTQAV";
pub(crate) const HUBSPOT_CONTACT: &str = "7001";

pub(crate) const ENTRA_USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

const TOKEN: &str = r#"{"access_token":"t","token_type":"Bearer","expires_in":86400}"#;

/// What the server replies: to the first request of the API, if that differs, and to all others.
#[derive(Debug, Clone, Default)]
struct Replies {
    first: Option<Bytes>,
    status: StatusCode,
    body: Bytes,
}

pub(crate) struct World {
    runtime: Runtime,
    replies: Arc<Mutex<Replies>>,
    pub(crate) auth0: Auth0Client,
    pub(crate) entra: EntraClient,
    pub(crate) okta: OktaClient,
    pub(crate) scim: ScimClient,
    pub(crate) salesforce: SalesforceClient,
    pub(crate) hubspot: HubSpotClient,
    pub(crate) stripe: StripeClient,
    pub(crate) persona: PersonaClient,
    pub(crate) contentful: ContentfulClient,
    pub(crate) directus: DirectusClient,
}

impl World {
    fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let replies: Arc<Mutex<Replies>> = Arc::default();
        let kept = Arc::clone(&replies);
        let reply = async move |uri: Uri| {
            let json: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];
            let token = uri.path().ends_with("/token");
            let (status, body) = if token {
                (StatusCode::OK, Bytes::from_static(TOKEN.as_bytes()))
            } else {
                let mut replies = kept.lock().unwrap();
                match replies.first.take() {
                    Some(first) => (StatusCode::OK, first),
                    None => (replies.status, replies.body.clone()),
                }
            };
            (status, json, body)
        };
        let router = Router::new().fallback(reply);
        let listener = runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async { axum::serve(listener, router).await });
        Self {
            runtime,
            replies,
            auth0: auth0(&url),
            entra: entra(&url),
            okta: okta(&url),
            scim: scim(&url),
            salesforce: salesforce(&url),
            hubspot: hubspot(&url),
            stripe: stripe(&url),
            persona: persona(&url),
            contentful: contentful(&url),
            directus: directus(&url),
        }
    }

    fn will_reply(&self, first: Option<&'static str>, status: StatusCode, body: &[u8]) {
        let first = first.map(|first| Bytes::from_static(first.as_bytes()));
        *self.replies.lock().unwrap() = Replies { first, status, body: Bytes::copy_from_slice(body) };
    }

    fn ask(&self, question: char, answer: &[u8]) {
        let status = if question == 'r' { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        self.will_reply(None, status, answer);
        self.runtime.block_on(async {
            match question {
                'a' => record(self.auth0.fetch("auth0|1", None).await),
                'A' => sign_in(self.auth0.fetch_sign_in("1").await),
                'e' => record(self.entra.fetch(ENTRA_USER, None).await),
                'o' => record(self.okta.fetch("00u1", None).await),
                'O' => sign_in(self.okta.fetch_sign_in("1").await),
                'l' => listed(self.okta.list_users(None).await),
                'c' => record(self.scim.fetch("1", None).await),
                's' => record(self.stripe.fetch("vs_1", None).await),
                't' => changes(self.contentful.changed_since(None).await),
                'T' => content(self.contentful.fetch_item(&key("entry")).await),
                'd' => changes(self.directus.changed_since(None).await),
                'D' => content(self.directus.fetch_item(&key("articles")).await),
                'p' => record(self.persona.fetch("inq_1", None).await),
                'f' => contacts(self.salesforce.fetch_many(&[CONTACT.to_owned()]).await),
                'h' => contacts(self.hubspot.fetch_many(&[HUBSPOT_CONTACT.to_owned()]).await),
                'H' => written(self.hubspot.upsert(&write(HUBSPOT_CONTACT, "email")).await),
                _ => written(self.salesforce.upsert(&write(CONTACT, "Email")).await),
            }
        });
    }
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::start()));

/// What a connector reads from an answer with this body.
pub(crate) fn read<T>(body: &[u8], ask: impl AsyncFnOnce(&World) -> T) -> T {
    read_reply(None, StatusCode::OK, body, ask)
}

/// The same, if the body is that of a reply with this status, after another reply.
pub(crate) fn read_reply<T>(
    first: Option<&'static str>,
    status: StatusCode,
    body: &[u8],
    ask: impl AsyncFnOnce(&World) -> T,
) -> T {
    let world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    world.will_reply(first, status, body);
    world.runtime.block_on(ask(&world))
}

/// Bodies of providers' replies.
pub fn reply_body(input: &[u8]) {
    let Some((first, body)) = input.split_first() else { return };
    let question = QUESTIONS[usize::from(*first) % QUESTIONS.len()];
    let world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    world.ask(question, body);
    if let Ok(text) = str::from_utf8(body) {
        world.ask(question, planted(text).as_bytes());
    }
}

/// A value for one property of this record.
pub(crate) fn write(id: &str, property: &str) -> RecordWrite {
    let values = [(property.to_owned(), Some("a@example.org".to_owned()))].into();
    RecordWrite { id: Some(id.to_owned()), external_key: "P-1".to_owned(), values }
}

fn written(written: Result<Written, ProviderError>) {
    match written {
        Ok(written) => {
            is_id(&written.id);
            // One that was sent, whatever the answer calls it.
            assert!(written.refused.iter().all(|refused| ["Email", "email"].contains(&&*refused.property)));
        }
        Err(error) => says_nothing(&error),
    }
}

fn record(fetched: Result<Fetched, ProviderError>) {
    match fetched {
        Ok(Fetched::Found(record)) => {
            is_id(&record.id);
            let identities = record.account.iter().flat_map(|account| &account.identities);
            identities.for_each(|identity| is_id(&identity.subject));
        }
        Ok(Fetched::NotModified) => panic!("nothing is known yet"),
        Ok(Fetched::Gone { merged_into }) => merged_into.iter().for_each(|id| is_id(id)),
        Ok(Fetched::NotFound | Fetched::NotVisible) => {}
        Err(error) => says_nothing(&error),
    }
}

fn listed(fetched: Result<Page<String>, ProviderError>) {
    match fetched {
        Ok(page) => page.items.iter().for_each(|id| is_id(id)),
        Err(error) => says_nothing(&error),
    }
}

fn sign_in(fetched: Result<FoundSignIn, ProviderError>) {
    match fetched {
        Ok(FoundSignIn::Found(sign_in)) => {
            is_id(&sign_in.event_id);
            is_id(&sign_in.user_id);
            is_id(&sign_in.application_id);
        }
        Ok(FoundSignIn::Unnamed | FoundSignIn::Missing) => {}
        Err(error) => says_nothing(&error),
    }
}

fn contacts(fetched: Result<Vec<Fetched>, ProviderError>) {
    match fetched.as_deref() {
        Ok([Fetched::Found(contact)]) => is_id(&contact.id),
        Ok([Fetched::NotVisible]) => {}
        Ok([Fetched::Gone { merged_into }]) => merged_into.iter().for_each(|id| is_id(id)),
        Ok(_) => panic!("one contact was requested"),
        Err(error) => says_nothing(error),
    }
}

pub(crate) fn key(collection: &str) -> ItemKey {
    ItemKey { collection: collection.to_owned(), id: "6lNoticeQuay".to_owned() }
}

fn changes(read: Result<ChangesPage, ChangesError>) {
    match read {
        Ok(page) => {
            assert!(!page.next.is_empty());
            page.items.iter().for_each(|item| is_id(&item.key.id));
            page.deletions.iter().for_each(|gone| is_id(&gone.key.id));
        }
        Err(error) => says_nothing(&error),
    }
}

fn content(fetched: Result<FetchedItem, ProviderError>) {
    match fetched {
        Ok(FetchedItem::Found(item)) => is_id(&item.key.id),
        Ok(FetchedItem::Gone) => {}
        Err(error) => says_nothing(&error),
    }
}
