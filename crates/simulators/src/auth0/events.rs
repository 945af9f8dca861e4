//! The events that the tenant would send to EventBridge for a change: full native events, personal values included.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::user::{SimulatedUser, timestamp};
use crate::NativeEvent;

/// `source` of the tenant's Event Streams events: its partner event source.
pub const EVENT_STREAM_SOURCE: &str =
    "aws.partner/auth0.com/coppice-sim-5e0b7c1a-92d4-4f0e-8a36-1b7d20c9e4f3/auth0.events";
/// `source` of the tenant's log events: its other partner event source.
pub const LOG_STREAM_SOURCE: &str =
    "aws.partner/auth0.com/coppice-sim-5e0b7c1a-92d4-4f0e-8a36-1b7d20c9e4f3/auth0.logs";
const TENANT: &str = "coppice-sim";

/// The kind of change of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// It has changed.
    Updated,
    /// It was deleted.
    Deleted,
}

/// A change; its methods make the event about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The user after the change; before it, for a deletion.
    pub user: SimulatedUser,
    /// When it happened. For a deletion later than the user's `updated_at`.
    pub at: OffsetDateTime,
}

impl Change {
    /// The Event Streams event: `user.created`, `user.updated` or `user.deleted`.
    pub fn stream_event(&self) -> NativeEvent {
        let event_type = match self.kind {
            ChangeKind::Created => "user.created",
            ChangeKind::Updated => "user.updated",
            ChangeKind::Deleted => "user.deleted",
        };
        let mut object = self.user.to_json();
        if self.kind == ChangeKind::Deleted {
            object["updated_at"] = timestamp(self.at).into();
            object["deleted_at"] = timestamp(self.at).into();
        }
        let detail = json!({
            "specversion": "1.0",
            "type": event_type,
            "source": "urn:auth0:coppice-sim.eu.auth0.com",
            "id": format!("evt_{}", random_id()),
            "time": timestamp(self.at + time::Duration::milliseconds(40)),
            "data": { "object": object, "context": { "tenant": { "id": TENANT } } },
            "a0tenant": TENANT,
            "a0stream": "est_7QmZr8tVbN2kLxW4cYp3Hd",
        });
        native(EVENT_STREAM_SOURCE, event_type, &detail)
    }

    /// The log event: `sapi` for a creation or an update by an administrator, `sdu` for a deletion. In the first the
    /// `user_id` is the administrator's, in the second it lacks its prefix, as in real logs.
    pub fn log_event(&self) -> NativeEvent {
        match self.kind {
            ChangeKind::Created => self.sapi("Create a User", "post", "/api/v2/users".to_owned(), 201),
            ChangeKind::Updated => self.sapi("Update a User", "patch", self.path(), 200),
            ChangeKind::Deleted => self.sdu(),
        }
    }

    fn path(&self) -> String {
        let id =
            percent_encoding::utf8_percent_encode(&self.user.user_id, percent_encoding::NON_ALPHANUMERIC);
        format!("/api/v2/users/{id}")
    }

    fn sapi(&self, description: &str, method: &str, path: String, status: u16) -> NativeEvent {
        let body = json!({ "email": self.user.email, "blocked": self.user.blocked });
        let admin = json!({ "user_id": "google-oauth2|117700000000000000042", "name": "Case Admin" });
        self.log(json!({
            "type": "sapi",
            "description": description,
            "client_id": "mgmtM2M00000000000000042",
            "client_name": "",
            "user_id": "google-oauth2|117700000000000000042",
            "details": {
                "request": { "method": method, "path": path, "query": {}, "body": body, "channel": "api",
                             "auth": { "user": admin, "strategy": "jwt" } },
                "response": { "statusCode": status, "body": self.user.to_json() },
            },
        }))
    }

    fn sdu(&self) -> NativeEvent {
        let (strategy, subject) = self.user.user_id.split_once('|').unwrap_or(("auth0", &self.user.user_id));
        let database = strategy == "auth0";
        self.log(json!({
            "type": "sdu",
            "description": "User successfully deleted",
            "connection": if database { "Coppice-Members" } else { strategy },
            "user_id": if database { subject } else { &self.user.user_id },
            "strategy": strategy,
            "strategy_type": if database { "database" } else { "social" },
            "details": { "body": {} },
        }))
    }

    /// A log entry of these fields and the usual ones. It is written a little after the change.
    pub(crate) fn log(&self, mut data: Value) -> NativeEvent {
        let date = self.at + time::Duration::milliseconds(31);
        let log_id = format!("900{}{}", date.unix_timestamp_nanos() / 1_000_000, random_id());
        data["date"] = timestamp(date).into();
        data["ip"] = self.user.last_ip.clone().into();
        if let (true, Some(email)) = (data["type"] != "sapi", &self.user.email) {
            data["user_name"] = email.clone().into();
        }
        data["user_agent"] = "coppice-sim/1.0".into();
        data["$event_schema"] = json!({ "version": "1.0.0" });
        data["environment_name"] = "sim-eu-1".into();
        data["tenant_name"] = TENANT.into();
        data["log_id"] = log_id.clone().into();
        native(LOG_STREAM_SOURCE, "Auth0 log", &json!({ "log_id": log_id, "data": data }))
    }
}

fn native(source: &str, detail_type: &str, detail: &Value) -> NativeEvent {
    NativeEvent { source: source.to_owned(), detail_type: detail_type.to_owned(), detail: detail.to_string() }
}

fn random_id() -> String {
    Uuid::new_v4().simple().to_string()[..22].to_owned()
}
