//! Sign-ins in the tenant's log: <https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes>. The same entry comes as an
//! event, inside `data`, and from `GET /api/v2/logs/{id}`; the EventBridge rule may keep its ID only.

use event_contract::UnreadableEvent;
use provider_http::lenient::{self, text};
use serde::Deserialize;
use serde_json::Value;

use super::log_stream::with_prefix;
use super::text_or_number::id_in;
use crate::{SignIn, SignInEvent};

/// With a password or a connection, silently, cross-origin, and by a native social login.
const SIGN_INS: [&str; 4] = ["s", "ssa", "scoa", "sens"];

#[derive(Deserialize)]
pub(crate) struct LogEvent {
    log_id: Option<Value>,
    data: LogEntry,
}

#[derive(Deserialize)]
pub(crate) struct LogEntry {
    #[serde(rename = "type")]
    code: String,
    log_id: Option<Value>,
    date: Option<Value>,
    client_id: Option<Value>,
    user_id: Option<Value>,
    strategy: Option<Value>,
    strategy_type: Option<Value>,
}

pub(crate) fn read(event: LogEvent) -> Result<SignInEvent, UnreadableEvent> {
    let LogEvent { log_id, data: entry } = event;
    let Some(kind) = entry.kind() else { return Ok(SignInEvent::Ignored) };
    let event_id = text(log_id.as_ref()).or(text(entry.log_id.as_ref()));
    let event_id = event_id.ok_or(UnreadableEvent::MissingId { kind })?;
    Ok(match entry.sign_in(event_id) {
        Some(sign_in) if sign_in.user_id.contains('|') => SignInEvent::Complete(sign_in),
        // Only the provider can complete a bare user ID.
        _ => SignInEvent::Incomplete { event_id: event_id.to_owned() },
    })
}

impl LogEntry {
    pub(crate) fn sign_in(&self, event_id: &str) -> Option<SignIn> {
        self.kind()?;
        let user_id = id_in(self.user_id.as_ref())?;
        Some(SignIn {
            event_id: event_id.to_owned(),
            user_id: with_prefix(user_id, text(self.strategy.as_ref()), text(self.strategy_type.as_ref())),
            application_id: text(self.client_id.as_ref())?.to_owned(),
            at: lenient::time(self.date.as_ref())?,
        })
    }

    fn kind(&self) -> Option<&'static str> {
        SIGN_INS.into_iter().find(|known| *known == self.code)
    }
}
