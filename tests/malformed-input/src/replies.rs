//! Providers' replies, read by their clients from a server on this machine.
//!
//! An input's first byte chooses the call; the rest is the body of the reply.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode, Uri};
use provider_content::{
    ChangesError, ChangesPage, ContentProvider, ContentfulClient, DirectusClient, FetchedItem, ItemKey,
};
use provider_crm::{
    ContactField, ContactWrite, ContactWritten, CrmProvider, FetchedContact, HubSpotClient, ProviderError,
    SalesforceClient,
};
use provider_identity::{FetchedCase, IdentityProvider, PersonaClient, StripeClient};
use provider_sso::{
    Auth0Client, EntraClient, FetchedUser, FoundSignIn, OktaClient, Page, ScimClient, SsoProvider,
};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::contents::{contentful, directus};
use crate::events::{auth0, entra, hubspot, is_id, okta, persona, salesforce, scim, stripe};
use crate::marker::{planted, says_nothing};

/// The calls, in the order of an input's first byte.
pub(crate) const QUESTIONS: [char; 19] =
    ['a', 'A', 'o', 'O', 'c', 's', 'p', 'f', 'w', 'r', 'l', 't', 'T', 'd', 'D', 'h', 'H', 'e', 'E'];

pub(crate) const CONTACT: &str = "0037Q00000HbKmTQAV";
pub(crate) const HUBSPOT_CONTACT: &str = "7001";

pub(crate) const ENTRA_USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";
pub(crate) const ENTRA_SIGN_IN: &str = "66ea54eb-6301-4ee5-be62-ff5a759b0100";

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
                'a' => user(self.auth0.fetch_user("auth0|1", None).await),
                'A' => sign_in(self.auth0.fetch_sign_in("1").await),
                'e' => user(self.entra.fetch_user(ENTRA_USER, None).await),
                'E' => sign_in(self.entra.fetch_sign_in(ENTRA_SIGN_IN).await),
                'o' => user(self.okta.fetch_user("00u1", None).await),
                'O' => sign_in(self.okta.fetch_sign_in("1").await),
                'l' => listed(self.okta.list_users(None).await),
                'c' => user(self.scim.fetch_user("1", None).await),
                's' => case(self.stripe.fetch_case("vs_1").await),
                't' => changes(self.contentful.changed_since(None).await),
                'T' => content(self.contentful.fetch_item(&key("entry")).await),
                'd' => changes(self.directus.changed_since(None).await),
                'D' => content(self.directus.fetch_item(&key("articles")).await),
                'p' => case(self.persona.fetch_case("inq_1").await),
                'f' => contacts(self.salesforce.fetch_contacts(&[CONTACT.to_owned()]).await),
                'h' => contacts(self.hubspot.fetch_contacts(&[HUBSPOT_CONTACT.to_owned()]).await),
                'H' => written(self.hubspot.upsert_contact(&write(HUBSPOT_CONTACT)).await),
                _ => written(self.salesforce.upsert_contact(&write(CONTACT)).await),
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

pub(crate) fn write(contact: &str) -> ContactWrite {
    let fields = [(ContactField::Email, Some("a@example.org".to_owned()))].into();
    ContactWrite { id: Some(contact.to_owned()), external_key: "P-1".to_owned(), fields }
}

fn written(written: Result<ContactWritten, ProviderError>) {
    match written {
        Ok(written) => is_id(&written.id),
        Err(error) => says_nothing(&error),
    }
}

fn user(fetched: Result<FetchedUser, ProviderError>) {
    match fetched {
        Ok(FetchedUser::Found(user)) => {
            is_id(&user.id);
            user.identities.iter().for_each(|identity| is_id(&identity.subject));
        }
        Ok(FetchedUser::NotModified) => panic!("nothing is known yet"),
        Ok(FetchedUser::Absent(_)) => {}
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

fn case(fetched: Result<FetchedCase, ProviderError>) {
    match fetched {
        Ok(FetchedCase::Found(case)) => is_id(&case.id),
        Ok(FetchedCase::Absent(_)) => {}
        Err(error) => says_nothing(&error),
    }
}

fn contacts(fetched: Result<Vec<FetchedContact>, ProviderError>) {
    match fetched.as_deref() {
        Ok([FetchedContact::Found(contact)]) => is_id(&contact.id),
        Ok([FetchedContact::NotVisible]) => {}
        Ok([FetchedContact::Gone { merged_into }]) => merged_into.iter().for_each(|id| is_id(id)),
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
