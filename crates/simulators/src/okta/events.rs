//! The events that the organization would send to EventBridge: whole log entries, personal values included.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::user::SimulatedUser;
use crate::NativeEvent;
use crate::auth0::user::timestamp;

/// `source` of the organization's events: its partner event source.
pub const LOG_STREAM_SOURCE: &str = "aws.partner/okta.com/coppice-sim/people";

/// Personal values of the administrator who makes all changes, and where they are made from.
pub const ADMINISTRATOR: [&str; 3] = ["case.desk@staff.example.org", "Case Desk", "198.51.100.78"];

/// A change; its methods make the event about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Okta's name of it: `user.lifecycle.suspend`.
    pub event_type: &'static str,
    /// The user after the change; before it, for a deletion.
    pub user: SimulatedUser,
    /// When it happened.
    pub at: OffsetDateTime,
}

impl Change {
    /// The log entry, by an administrator, a little after the change.
    pub fn log_event(&self) -> NativeEvent {
        let [email, name, _] = ADMINISTRATOR;
        let admin = json!({ "id": "00uSimAdmin", "type": "User", "alternateId": email, "displayName": name,
            "detailEntry": null });
        let at = self.at + time::Duration::milliseconds(31);
        native(&entry(self.event_type, &admin, &json!([party(&self.user, "User", &self.user.id)]), at))
    }
}

/// The entry of a sign-in, and the event about it. `application`: none for a session of Okta itself.
pub(crate) fn sign_in(
    user: &SimulatedUser,
    application: Option<&str>,
    at: OffsetDateTime,
) -> (String, Value, NativeEvent) {
    let actor = party(user, "User", &user.id);
    let (event_type, target) = match application {
        None => ("user.session.start", Value::Null),
        Some(id) => {
            let application = json!({ "id": id, "type": "AppInstance", "alternateId": "Sim Portal",
                "displayName": "OpenID Connect Client", "detailEntry": { "signOnModeType": "OPENID_CONNECT" } });
            ("user.authentication.sso", json!([application, party(user, "AppUser", "0uaSim")]))
        }
    };
    let entry = entry(event_type, &actor, &target, at);
    let uuid = entry["uuid"].as_str().unwrap_or_default().to_owned();
    let event = native(&entry);
    (uuid, entry, event)
}

fn entry(event_type: &str, actor: &Value, target: &Value, at: OffsetDateTime) -> Value {
    json!({
        "uuid": Uuid::new_v4(),
        "published": timestamp(at),
        "eventType": event_type,
        "version": "0",
        "severity": "INFO",
        "displayMessage": "As it is shown to administrators",
        "actor": actor,
        "client": { "ipAddress": ADMINISTRATOR[2], "userAgent": { "rawUserAgent": "coppice-sim/1.0" } },
        "outcome": { "result": "SUCCESS", "reason": null },
        "target": target,
        "transaction": { "type": "WEB", "id": "SimTransaction", "detail": {} },
        "debugContext": { "debugData": { "requestUri": "/api/v1/sim" } },
        "authenticationContext": { "authenticationStep": 0 },
        "securityContext": {},
        "request": { "ipChain": [{ "ip": ADMINISTRATOR[2] }] },
    })
}

fn party(user: &SimulatedUser, kind: &str, id: &str) -> Value {
    let name = format!("{} {}", user.first_name, user.last_name);
    json!({ "id": id, "type": kind, "alternateId": user.email, "displayName": name, "detailEntry": null })
}

fn native(entry: &Value) -> NativeEvent {
    NativeEvent {
        source: LOG_STREAM_SOURCE.to_owned(),
        detail_type: "SystemLog".to_owned(),
        detail: entry.to_string(),
    }
}
