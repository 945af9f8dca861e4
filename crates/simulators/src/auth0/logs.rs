//! The tenant's log: sign-ins, as `GET /api/v2/logs/{id}` gives them and as the log stream sends them.
//!
//! Only sign-ins are kept: no unit reads other entries.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Auth0Control;
use super::events::Change;
use super::reply::error;
use crate::NativeEvent;

impl Auth0Control {
    /// Signs a user in to an application: a `s` entry is in the log, and this is the event about it. As at Auth0, a
    /// sign-in is a change of the user too.
    ///
    /// # Panics
    /// When there is no such user.
    pub fn sign_in(&self, id: &str, client_id: &str) -> NativeEvent {
        let event = self.update(id, |user| user.logins_count += 1).sign_in_event(client_id);
        let mut detail: Value = serde_json::from_str(&event.detail).expect("the simulator writes JSON");
        let log_id = detail["log_id"].as_str().unwrap_or_default().to_owned();
        self.lock().logs.insert(log_id, detail["data"].take());
        event
    }

    /// Reads of one log entry so far.
    pub fn log_requests(&self) -> usize {
        self.lock().log_reads
    }
}

impl Change {
    fn sign_in_event(&self, client_id: &str) -> NativeEvent {
        let (strategy, _) = self.user.user_id.split_once('|').unwrap_or(("auth0", ""));
        let database = strategy == "auth0";
        let at = self.at.unix_timestamp() * 1_000 + i64::from(self.at.millisecond());
        self.log(json!({
            "type": "s",
            "description": "Successful login",
            "connection": if database { "Coppice-Members" } else { strategy },
            "client_id": client_id,
            "client_name": "Sim Portal",
            "user_id": self.user.user_id,
            "strategy": strategy,
            "strategy_type": if database { "database" } else { "social" },
            "hostname": "login.coppice-sim.example",
            "details": {
                "initiatedAt": at - 1_480, "completedAt": at, "elapsedTime": 1_480, "prompts": [],
                "session_id": "SimSession",
            },
        }))
    }
}

/// `GET /api/v2/logs/{id}`. [`Auth0Control::set_status`] holds for an entry's ID as well.
pub(crate) async fn log_entry(State(control): State<Auth0Control>, Path(id): Path<String>) -> Response {
    let state = control.lock();
    match (state.requests.refusal(&id), state.logs.get(&id)) {
        (Some(refusal), _) => refusal,
        (None, Some(entry)) => Json(entry).into_response(),
        (None, None) => {
            error(StatusCode::NOT_FOUND, "Not Found", "The log does not exist.", "inexistent_log")
        }
    }
}
