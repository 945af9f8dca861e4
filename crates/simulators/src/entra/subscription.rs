//! Subscriptions, and the notifications that they send:
//! <https://learn.microsoft.com/graph/api/subscription-post-subscriptions>.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::EntraControl;
use super::reply::{error, within};

/// The longest life of a subscription of users.
const LIFE: time::Duration = time::Duration::minutes(41_760);

/// How long an address has to answer.
const HANDSHAKE: Duration = Duration::from_secs(10);

const CHANGES: [&str; 3] = ["created", "updated", "deleted"];

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    /// As it was asked for, with an ID.
    body: Value,
    pub(crate) expires_at: OffsetDateTime,
}

/// A change that is not sent yet.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    pub(crate) user_id: String,
    pub(crate) change: &'static str,
}

impl Subscription {
    fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// As an answer has it: without the secret.
    fn to_json(&self) -> Value {
        let mut body = self.body.clone();
        body["clientState"] = Value::Null;
        body["expirationDateTime"] = written(self.expires_at).into();
        body
    }
}

fn written(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).expect("a time of this century can be written")
}

fn invalid(about: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "ValidationError", about)
}

pub(crate) async fn create(State(control): State<EntraControl>, Json(mut body): Json<Value>) -> Response {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let changes = text("changeType");
    if changes.is_empty() || !changes.split(',').all(|change| CHANGES.contains(&change)) {
        return invalid("changeType");
    }
    if !text("resource").trim_start_matches('/').eq_ignore_ascii_case("users") {
        return invalid("resource");
    }
    let Some(expires_at) = end(&body) else { return invalid("expirationDateTime") };
    let urls = [Some(text("notificationUrl")), body["lifecycleNotificationUrl"].as_str().map(str::to_owned)];
    for url in urls.into_iter().flatten() {
        if !is_answered(&url).await {
            return invalid(&url);
        }
    }
    let id = Uuid::new_v4().to_string();
    body["id"] = id.clone().into();
    body["applicationId"] = "sim".into();
    let subscription = Subscription { body, expires_at };
    let answer = subscription.to_json();
    control.lock().subscriptions.insert(id, subscription);
    let mut reply = within(&control, "subscriptions/$entity", answer);
    *reply.status_mut() = StatusCode::CREATED;
    reply
}

/// `None`: it is missing, over, or too far away.
fn end(body: &Value) -> Option<OffsetDateTime> {
    let end = OffsetDateTime::parse(body["expirationDateTime"].as_str()?, &Rfc3339).ok()?;
    let now = OffsetDateTime::now_utc();
    (end > now && end <= now + LIFE).then_some(end)
}

/// <https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation>
async fn is_answered(url: &str) -> bool {
    let token = format!(
        "Validation: Testing client application reachability for subscription Request-Id: {}",
        Uuid::new_v4()
    );
    let encoded = utf8_percent_encode(&token, NON_ALPHANUMERIC).to_string().replace("%20", "+");
    let separator = if url.contains('?') { '&' } else { '?' };
    let call = reqwest::Client::new()
        .post(format!("{url}{separator}validationToken={encoded}"))
        .header("content-type", "text/plain; charset=utf-8")
        .timeout(HANDSHAKE)
        .send();
    let Ok(reply) = call.await else { return false };
    let kind = reply.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let plain = reply.status() == StatusCode::OK && kind.starts_with("text/plain");
    plain && reply.text().await.is_ok_and(|text| text == token)
}

pub(crate) async fn list(State(control): State<EntraControl>) -> Response {
    let all: Vec<Value> = control.lock().subscriptions.values().map(Subscription::to_json).collect();
    within(&control, "subscriptions", json!({ "value": all }))
}

pub(crate) async fn one(State(control): State<EntraControl>, Path(id): Path<String>) -> Response {
    let found = control.lock().subscriptions.get(&id).map(Subscription::to_json);
    found.map_or_else(|| no_such(&id), |body| within(&control, "subscriptions/$entity", body))
}

fn no_such(id: &str) -> Response {
    error(StatusCode::NOT_FOUND, "ResourceNotFound", id)
}

pub(crate) async fn renew(
    State(control): State<EntraControl>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let Some(expires_at) = end(&body) else { return invalid("expirationDateTime") };
    let mut state = control.lock();
    let Some(subscription) = state.subscriptions.get_mut(&id) else {
        drop(state);
        return no_such(&id);
    };
    subscription.expires_at = expires_at;
    let answer = subscription.to_json();
    drop(state);
    within(&control, "subscriptions/$entity", answer)
}

pub(crate) async fn reauthorize(State(control): State<EntraControl>, Path(id): Path<String>) -> Response {
    match control.lock().subscriptions.contains_key(&id) {
        true => StatusCode::NO_CONTENT.into_response(),
        false => no_such(&id),
    }
}

/// What one subscription has to send: where to, and what.
fn due(control: &EntraControl, subscription: &Subscription, copies: usize) -> Option<(String, Value)> {
    let changes = subscription.text("changeType")?;
    let pending = control.lock().pending.clone();
    let wanted = pending.iter().filter(|one| changes.split(',').any(|change| change == one.change));
    let notification = |one: &Notification| {
        json!({
            "changeType": one.change,
            "clientState": subscription.body["clientState"],
            "resource": format!("Users/{}", one.user_id),
            "resourceData": {
                "@odata.type": "#Microsoft.Graph.User",
                "@odata.id": format!("Users/{}", one.user_id),
                "id": one.user_id,
                "organizationId": control.tenant_id(),
                "sequenceNumber": 638_000_000_000_000_000_u64,
            },
            "subscriptionExpirationDateTime": written(subscription.expires_at),
            "subscriptionId": subscription.body["id"],
            "tenantId": control.tenant_id(),
        })
    };
    let value: Vec<Value> = wanted.flat_map(|one| std::iter::repeat_n(notification(one), copies)).collect();
    let url = subscription.text("notificationUrl")?.to_owned();
    (!value.is_empty()).then(|| (url, json!({ "value": value })))
}

/// Sends each change that was not sent yet, to each subscription, this many times in one request. Out: the statuses.
pub(crate) async fn deliver(control: &EntraControl, copies: usize) -> Vec<u16> {
    let subscriptions: Vec<Subscription> = control.lock().subscriptions.values().cloned().collect();
    let due: Vec<_> =
        subscriptions.iter().filter_map(|subscription| due(control, subscription, copies)).collect();
    control.lock().pending.clear();
    send(due).await
}

/// Sends a lifecycle event to each subscription that has an address for it. Out: the statuses.
pub(crate) async fn deliver_lifecycle(control: &EntraControl, event: &str) -> Vec<u16> {
    let subscriptions: Vec<Subscription> = control.lock().subscriptions.values().cloned().collect();
    let due = subscriptions.iter().filter_map(|subscription| {
        let url = subscription.text("lifecycleNotificationUrl")?.to_owned();
        let value = json!({
            "subscriptionId": subscription.body["id"],
            "subscriptionExpirationDateTime": written(subscription.expires_at),
            "tenantId": control.tenant_id(),
            "clientState": subscription.body["clientState"],
            "lifecycleEvent": event,
        });
        Some((url, json!({ "value": [value] })))
    });
    send(due.collect()).await
}

async fn send(due: Vec<(String, Value)>) -> Vec<u16> {
    let http = reqwest::Client::new();
    let mut statuses = Vec::new();
    for (url, body) in due {
        let reply = http.post(url).json(&body).send().await;
        statuses.push(reply.map_or(0, |reply| reply.status().as_u16()));
    }
    statuses
}
