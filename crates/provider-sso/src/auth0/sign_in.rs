//! Sign-ins in the tenant's log: <https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes>. The same entry comes as an
//! event, inside `data`, and from `GET /api/v2/logs/{id}`; the EventBridge rule may keep its ID only.

use std::str::FromStr;

use event_contract::UnreadableEvent;
use provider_http::lenient::{self, text};
use serde::Deserialize;
use serde_json::Value;

use super::log_stream::with_prefix;
use super::text_or_number::id_in;
use crate::{SignIn, SignInEvent};

/// Types that say that a user got access: with a password or a connection, cross-origin, by a native social login, by a
/// password for a token, silently on an existing session, and by a refresh token.
const TYPES: [&str; 6] = ["s", "scoa", "sens", "sepft", "ssa", "sertft"];

/// The types of log entries that count as sign-ins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInTypes(Vec<&'static str>);

impl SignInTypes {
    /// Those for which the user did something. An application with silent authentication asks for it at each page, one with
    /// refresh tokens at each start: counted, they would say how often an application is opened, and each in its own way.
    pub const DEFAULT: &str = "s,scoa,sens";

    fn known(&self, code: &str) -> Option<&'static str> {
        self.0.iter().copied().find(|known| *known == code)
    }
}

impl Default for SignInTypes {
    fn default() -> Self {
        // The text is parsed as every other, and a test reads it.
        Self::DEFAULT.parse().unwrap_or(Self(Vec::new()))
    }
}

impl FromStr for SignInTypes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |name: &str| TYPES.into_iter().find(|known| *known == name.trim());
        let types: Option<Vec<&'static str>> = text.split(',').map(known).collect();
        types.map(Self).ok_or("must be some of s, scoa, sens, sepft, ssa and sertft, separated by commas")
    }
}

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

pub(crate) fn read(event: LogEvent, types: &SignInTypes) -> Result<SignInEvent, UnreadableEvent> {
    let LogEvent { log_id, data: entry } = event;
    let Some(kind) = types.known(&entry.code) else { return Ok(SignInEvent::Ignored) };
    let event_id = text(log_id.as_ref()).or(text(entry.log_id.as_ref()));
    let event_id = event_id.ok_or(UnreadableEvent::MissingId { kind })?;
    Ok(match entry.sign_in(types, event_id) {
        Some(sign_in) if sign_in.user_id.contains('|') => SignInEvent::Complete(sign_in),
        // Only the provider can complete a bare user ID.
        _ => SignInEvent::Incomplete { event_id: event_id.to_owned() },
    })
}

impl LogEntry {
    pub(crate) fn sign_in(&self, types: &SignInTypes, event_id: &str) -> Option<SignIn> {
        types.known(&self.code)?;
        let user_id = id_in(self.user_id.as_ref())?;
        Some(SignIn {
            event_id: event_id.to_owned(),
            user_id: with_prefix(user_id, text(self.strategy.as_ref()), text(self.strategy_type.as_ref())),
            application_id: text(self.client_id.as_ref())?.to_owned(),
            at: lenient::time(self.date.as_ref())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_that_say_that_a_user_got_access_can_be_chosen() {
        let types = |text: &str| text.parse::<SignInTypes>();
        assert_eq!(types("s, ssa").map(|types| types.0), Ok(vec!["s", "ssa"]));
        let default = types(SignInTypes::DEFAULT).unwrap();
        assert!(
            default.known("s").is_some()
                && default.known("ssa").is_none()
                && default.known("sertft").is_none()
        );
        for wrong in ["", "s,", "f", "s ssa", "S"] {
            assert!(types(wrong).is_err(), "{wrong:?}");
        }
    }
}
