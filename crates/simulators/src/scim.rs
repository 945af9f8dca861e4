//! A simulator of one SCIM server, for what a server of other authors (`testkit::ScimServer`) does not do: faults on command.
//!
//! In: commands through [`ScimControl`], HTTP requests. Out: replies shaped like those of RFC 7644. Not simulated: writes over
//! HTTP, entity tags, filters, sorting, and pages: the list has the first user and says how many there are.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::auth0::user::timestamp;
use crate::requests::{Recorded, Requests};
use crate::simulator::Provider;
use crate::{Control, Simulator};

/// The handle on a server.
pub type ScimControl = Control<State>;
/// A running server.
pub type ScimSimulator = Simulator<State>;

const USERS: &str = "/Users";

/// A fault of the whole server. It lasts until a test sets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// No fault.
    #[default]
    None,
    /// Every request is answered with 503.
    Down,
    /// Every answer comes this much later.
    Slow(Duration),
    /// Every request is answered with 429, and may be repeated after a second.
    Limited,
}

/// The users of the server, by ID, and the counters.
#[derive(Debug, Default)]
pub struct State {
    users: BTreeMap<String, Value>,
    requests: Requests<Fault>,
}

impl Recorded for State {
    type Fault = Fault;

    fn requests(&mut self) -> &mut Requests<Fault> {
        &mut self.requests
    }
}

impl ScimControl {
    /// The only bearer token that the server accepts.
    pub const fn token(&self) -> &'static str {
        "scim-simulated-8d1f3a"
    }

    /// Creates or replaces a user of this name.
    pub fn put_user(&self, id: &str, given_name: &str) {
        self.put(json!({ "id": id, "userName": id, "name": { "givenName": given_name }, "active": true }));
    }

    /// Creates a user, or replaces the one with the same `id`. Its schema and its time of change are added.
    ///
    /// # Panics
    /// When `user` is no object with an `id`.
    pub fn put(&self, user: Value) {
        let mut user = user;
        user["schemas"] = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
        user["meta"] =
            json!({ "resourceType": "User", "lastModified": timestamp(OffsetDateTime::now_utc()) });
        let id = user["id"].as_str().expect("a user has an ID").to_owned();
        self.lock().users.insert(id, user);
    }

    /// A user as the server has it.
    pub fn user(&self, id: &str) -> Option<Value> {
        self.lock().users.get(id).cloned()
    }

    /// Deletes a user.
    pub fn delete(&self, id: &str) {
        self.lock().users.remove(id);
    }
}

impl Provider for State {
    fn router(control: ScimControl) -> Router {
        let router = Router::new().route(USERS, get(list)).route("/Users/{id}", get(user));
        router.layer(middleware::from_fn_with_state(control.clone(), guard)).with_state(control)
    }
}

/// Counts before anything can fail: a test counts the requests, not the successful answers. The reply is made before the gate.
async fn guard(Shared(control): Shared<ScimControl>, request: Request, next: Next) -> Response {
    let (fault, gate) = {
        let id = request.uri().path().strip_prefix(USERS).and_then(|below| below.strip_prefix('/'));
        let id = id.map(|id| percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned());
        let requests = &mut control.lock().requests;
        requests.total += 1;
        match &id {
            Some(id) => requests.count(id),
            None => requests.pings += 1,
        }
        (requests.fault, id.and_then(|id| requests.gate(&id)))
    };
    match fault {
        Fault::Down => return error(StatusCode::SERVICE_UNAVAILABLE),
        Fault::Limited => {
            return ([(RETRY_AFTER, "1")], error(StatusCode::TOO_MANY_REQUESTS)).into_response();
        }
        Fault::None | Fault::Slow(_) => {}
    }
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {}", control.token())) {
        return error(StatusCode::UNAUTHORIZED);
    }
    let reply = next.run(request).await;
    if let Some(gate) = gate {
        gate.pass().await;
    }
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    reply
}

async fn user(Shared(control): Shared<ScimControl>, Path(id): Path<String>) -> Response {
    let state = control.lock();
    if let Some(refusal) = state.requests.refusal(&id) {
        return refusal;
    }
    state.users.get(&id).map_or_else(|| error(StatusCode::NOT_FOUND), |user| Json(user).into_response())
}

async fn list(Shared(control): Shared<ScimControl>) -> Response {
    let state = control.lock();
    let first: Vec<&Value> = state.users.values().take(1).collect();
    let page = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": state.users.len(),
        "startIndex": 1,
        "itemsPerPage": first.len(),
        "Resources": first,
    });
    Json(page).into_response()
}

/// <https://www.rfc-editor.org/rfc/rfc7644#section-3.12>
fn error(status: StatusCode) -> Response {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.as_str(),
    });
    (status, Json(body)).into_response()
}
