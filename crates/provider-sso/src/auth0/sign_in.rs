//! Sign-ins in the tenant's log: <https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes>. The same entry comes as an
//! event, inside `data`, and from `GET /api/v2/logs/{id}`; the EventBridge rule may keep its ID only.

use std::str::FromStr;

use event_contract::UnreadableEvent;
use provider_http::ProviderError;
use provider_http::json::{Field, Json, needed, readable};

use super::log_stream::with_prefix;
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

pub(crate) fn read(event: &Json, types: &SignInTypes) -> Result<SignInEvent, UnreadableEvent> {
    let text = |field: Field<'_>| field.text().ok().flatten();
    let shape = UnreadableEvent::Shape { line: 0, column: 0 };
    let Ok(Some(entry)) = event.at("data").value() else { return Err(shape) };
    let code = text(entry.at("type")).ok_or(shape)?;
    let Some(kind) = types.known(&code) else { return Ok(SignInEvent::Ignored) };
    let event_id = text(event.at("log_id")).or_else(|| text(entry.at("log_id")));
    let event_id = event_id.ok_or(UnreadableEvent::MissingId { kind })?;
    Ok(match sign_in(entry, types, &event_id) {
        Ok(Some(sign_in)) if sign_in.user_id.contains('|') => SignInEvent::Complete(sign_in),
        // Only the provider can complete a bare user ID.
        _ => SignInEvent::Incomplete { event_id },
    })
}

/// `None`: the entry is no sign-in that counts, or does not say who signed in.
pub(crate) fn sign_in(
    entry: &Json,
    types: &SignInTypes,
    event_id: &str,
) -> Result<Option<SignIn>, ProviderError> {
    if types.known(&needed("type", entry.at("type").text())?).is_none() {
        return Ok(None);
    }
    let text = |name| readable(name, entry.at(name).text());
    let user_id = readable("user_id", entry.at("user_id").id())?;
    let client_id = readable("client_id", entry.at("client_id").id())?;
    let at = readable("date", entry.at("date").time())?;
    let (Some(user_id), Some(application_id), Some(at)) = (user_id, client_id, at) else { return Ok(None) };
    let user_id = if user_id.contains('|') {
        user_id
    } else {
        with_prefix(user_id, text("strategy")?.as_deref(), text("strategy_type")?.as_deref())
    };
    Ok(Some(SignIn { event_id: event_id.to_owned(), user_id, application_id, at }))
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
