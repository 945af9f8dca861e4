//! Subscriptions of the simulated tenant, and the notifications that they bring to a server of ours.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::post;
use connectors::entra::{Notifications, WEBHOOK};
use connectors::{Kept, ProviderError, Records as _};
use provider_http::test_server::{NOWHERE, noting, serve};
use provider_webhook::{Challenge, ChallengeAnswer, Secrets, SignedRequest, WebhookRecord};
use secrecy::SecretString;
use serde_json::json;
use simulators::entra::SimulatedUser;
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::entra_client::{ID, OTHER, client, client_with, tenant};
use crate::fixtures::entra_at;

const STATE: &str = "0123456789abcdef-state";

/// An address that answers challenges as `webhook-ingress` does, and keeps the bodies of other requests.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<Bytes>>>);

impl Receiver {
    async fn start() -> (Self, Url, Url) {
        let receiver = Self::default();
        let kept = receiver.clone();
        let answer =
            async move |Query(_): Query<Vec<(String, String)>>, uri: axum::http::Uri, body: Bytes| {
                let Some(challenge) = WEBHOOK.challenge else { panic!("it has a challenge") };
                match challenge.answer(&Method::POST, &HeaderMap::new(), uri.query()) {
                    Some(Some(ChallengeAnswer::Text(text))) => text.into_response(),
                    Some(_) => StatusCode::BAD_REQUEST.into_response(),
                    None => {
                        kept.0.lock().unwrap().push(body);
                        StatusCode::OK.into_response()
                    }
                }
            };
        let router = Router::new().route("/notices", post(answer.clone())).route("/lifecycle", post(answer));
        let base = serve(router).await;
        let url = |path| format!("{base}/{path}").parse().unwrap();
        (receiver, url("notices"), url("lifecycle"))
    }

    /// The records that the bodies so far name, if their secret is this one.
    fn records(&self, state: &str) -> Vec<WebhookRecord> {
        let secrets = Secrets::read_list(state, provider_webhook::Keys::Text).unwrap();
        let headers = HeaderMap::new();
        let bodies = std::mem::take(&mut *self.0.lock().unwrap());
        let authentic = |body: &&Bytes| {
            let request = SignedRequest { method: "POST", url: "", path: "", headers: &headers, body };
            WEBHOOK.verify(&request, &secrets, OffsetDateTime::now_utc()).is_ok()
        };
        let bodies = bodies.iter().filter(authentic);
        bodies.flat_map(|body| (WEBHOOK.read)(&headers, body).unwrap()).collect()
    }
}

fn state() -> SecretString {
    STATE.into()
}

#[tokio::test]
async fn a_subscription_is_created_once_and_then_renewed() {
    let tenant = tenant().await;
    let client = client(&tenant);
    let (_, url, lifecycle) = Receiver::start().await;
    assert_eq!(client.ensure_subscription(&url, &lifecycle, &state()).await, Ok(Kept::Created));
    let [(id, first_end)] = tenant.subscriptions().try_into().unwrap();
    let life = first_end - OffsetDateTime::now_utc();
    assert!(life > Duration::days(28) && life <= Duration::minutes(41_760), "{life}");
    assert_eq!(client.ensure_subscription(&url, &lifecycle, &state()).await, Ok(Kept::Fresh));
    assert_eq!(tenant.subscriptions(), [(id.clone(), first_end)]);

    tenant.pass_time(Duration::days(2));
    let [(_, first_end)] = tenant.subscriptions().try_into().unwrap();
    assert_eq!(client.ensure_subscription(&url, &lifecycle, &state()).await, Ok(Kept::Renewed));
    let [(same, second_end)] = tenant.subscriptions().try_into().unwrap();
    assert!(same == id && second_end > first_end);
    assert_eq!(client.reauthorize_subscription(&id).await, Ok(true));
    let [listed] = client.list_subscriptions().await.unwrap().try_into().unwrap();
    assert_eq!(
        (listed.id, listed.notification_url, listed.lifecycle_url),
        (id.clone(), Some(url.clone()), Some(lifecycle.clone()))
    );

    tenant.end_subscriptions();
    assert_eq!(client.renew_subscription(&id).await, Ok(None));
    assert_eq!(client.reauthorize_subscription(&id).await, Ok(false));
    assert_eq!(client.ensure_subscription(&url, &lifecycle, &state()).await, Ok(Kept::Created));
}

#[tokio::test]
async fn a_subscription_to_another_address_is_not_ours() {
    let tenant = tenant().await;
    let client = client(&tenant);
    let (_, url, lifecycle) = Receiver::start().await;
    let (_, other, _) = Receiver::start().await;
    assert_eq!(client.ensure_subscription(&url, &url, &state()).await, Ok(Kept::Created));
    for (url, lifecycle) in [(&url, &lifecycle), (&other, &url)] {
        assert_eq!(client.ensure_subscription(url, lifecycle, &state()).await, Ok(Kept::Created));
    }
    assert_eq!(tenant.subscriptions().len(), 3);
    assert_eq!(client.ensure_subscription(&url, &url, &state()).await, Ok(Kept::Fresh));
}

#[tokio::test]
async fn a_tenant_keeps_a_subscription_only_if_its_settings_name_an_address() {
    let tenant = tenant().await;
    assert!(client(&tenant).subscriptions().is_none());
    let (receiver, url, _) = Receiver::start().await;
    let client = client_with(&tenant, Some(Notifications { url, secret: STATE.into() }));
    let subscriptions = client.subscriptions().unwrap();
    assert_eq!(subscriptions.ends_at().await, Ok(None));
    assert_eq!(subscriptions.keep().await, Ok(Kept::Created));
    let [(_, end)] = tenant.subscriptions().try_into().unwrap();
    assert_eq!(subscriptions.ends_at().await, Ok(Some(end)));
    tenant.put_user(SimulatedUser::new(ID));
    tenant.deliver(1).await;
    assert_eq!(receiver.records(STATE).len(), 1, "it has the secret");

    tenant.pass_time(Duration::days(29));
    assert_eq!(subscriptions.ends_at().await, Ok(None), "its time is over");
}

#[tokio::test]
async fn an_address_that_does_not_answer_the_handshake_gets_no_subscription() {
    let tenant = tenant().await;
    let client = client(&tenant);
    let (_, url, _) = Receiver::start().await;
    let nowhere: Url = NOWHERE.parse().unwrap();
    let refused = ProviderError::Refused { code: "ValidationError", names_record: false };
    for (url, lifecycle) in [(&nowhere, &url), (&url, &nowhere)] {
        assert_eq!(client.ensure_subscription(url, lifecycle, &state()).await, Err(refused.clone()));
    }
    assert_eq!(tenant.subscriptions(), []);
}

#[tokio::test]
async fn the_secret_is_sent_once_and_no_text_has_it() {
    let (url, asked) = noting(json!({"id": "s1", "resource": "users", "value": [],
        "expirationDateTime": "2026-12-29T10:00:00Z"}))
    .await;
    let client = entra_at(&url);
    let url: Url = "https://hooks.example.gov/webhooks/entra".parse().unwrap();
    let created = client.ensure_subscription(&url, &url, &state()).await;
    assert_eq!(created, Ok(Kept::Created));
    assert!(!format!("{client:?} {:?}", client.list_subscriptions().await).contains(STATE));
    let body = serde_json::from_slice::<serde_json::Value>(&asked.each(|request| request.body().clone())[1])
        .unwrap();
    assert_eq!(body["clientState"], STATE);
    assert_eq!((&body["changeType"], &body["resource"]), (&json!("updated,deleted"), &json!("users")));
    assert_eq!(body["lifecycleNotificationUrl"], url.as_str());
}

/// Cases 7 and 8.
#[tokio::test]
async fn a_creation_comes_as_an_update_and_five_notifications_are_one_record() {
    let tenant = tenant().await;
    let client = client(&tenant);
    let (receiver, url, lifecycle) = Receiver::start().await;
    client.ensure_subscription(&url, &lifecycle, &state()).await.unwrap();
    assert_eq!(receiver.records(STATE), [], "a handshake names no record");
    let record = |id: &str, kind: &'static str| {
        let record = WebhookRecord::changed(id.to_owned(), kind).removed_if(kind == "deleted");
        record.of_account(Some(tenant.tenant_id().to_owned()))
    };
    tenant.put_user(SimulatedUser::new(ID));
    tenant.put_user(SimulatedUser::new(OTHER));
    assert_eq!(tenant.deliver(5).await, [200]);
    let created = receiver.records(STATE);
    assert_eq!(created, [record(ID, "updated"), record(OTHER, "updated")]);
    assert!(created.iter().all(|record| !record.hint.removed));

    tenant.delete(ID);
    tenant.deliver(1).await;
    assert_eq!(receiver.records(STATE), [record(ID, "updated")], "it may be restored");
    tenant.purge(ID);
    tenant.deliver(2).await;
    assert_eq!(receiver.records(STATE), [record(ID, "deleted")]);

    tenant.update(OTHER, |user| user.enabled = false);
    tenant.deliver(1).await;
    assert_eq!(receiver.records("another-state-0123"), [], "the secret is another one");
}

#[tokio::test]
async fn lifecycle_events_come_to_their_own_address() {
    let tenant = tenant().await;
    let client = client(&tenant);
    let (receiver, url, lifecycle) = Receiver::start().await;
    client.ensure_subscription(&url, &lifecycle, &state()).await.unwrap();
    let missed = |kind| vec![WebhookRecord::missed(kind).of_account(Some(tenant.tenant_id().to_owned()))];
    for (event, expected) in [
        ("reauthorizationRequired", Vec::new()),
        ("missed", missed("missed")),
        ("subscriptionRemoved", missed("subscriptionRemoved")),
    ] {
        assert_eq!(tenant.deliver_lifecycle(event).await, [200]);
        assert_eq!(receiver.records(STATE), expected, "{event}");
    }
}

#[test]
fn the_challenge_is_in_the_query() {
    assert!(matches!(WEBHOOK.challenge, Some(Challenge::Query("validationToken"))));
}
