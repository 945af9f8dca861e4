//! Sign-ins in the tenant's log: <https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes>. The same entry comes as an
//! event, inside `data`, and from `GET /api/v2/logs/{id}`; the EventBridge rule may keep its ID only.

use std::borrow::Cow;

use event_contract::UnreadableEvent;
use provider_http::ProviderError;
use provider_http::json::{Field, Json, needed, readable};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::log_stream::with_prefix;
use crate::{SignIn, SignInEvent};

/// Types that say that a user got access: with a password or a connection, cross-origin, by a native social login, by a
/// password for a token, silently on an existing session, and by a refresh token.
const TYPES: [&str; 6] = ["s", "scoa", "sens", "sepft", "ssa", "sertft"];

/// The types of log entries that count as sign-ins.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct SignInTypes(Vec<&'static str>);

impl SignInTypes {
    /// Those for which the user did something. An application with silent authentication asks for it at each page, one with
    /// refresh tokens at each start: counted, they would say how often an application is opened, and each in its own way.
    const DEFAULT: [&str; 3] = ["s", "scoa", "sens"];

    pub(super) fn codes(&self) -> &[&'static str] {
        &self.0
    }

    fn known(&self, code: &str) -> Option<&'static str> {
        self.0.iter().copied().find(|known| *known == code)
    }
}

impl Default for SignInTypes {
    fn default() -> Self {
        Self(Self::DEFAULT.to_vec())
    }
}

impl TryFrom<Vec<String>> for SignInTypes {
    type Error = &'static str;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        let known = |name: &String| TYPES.into_iter().find(|known| known == name);
        let types: Option<Vec<&'static str>> = names.iter().map(known).collect();
        // Without any, no sign-in would be recorded, and no fault seen.
        let types = types.filter(|types| !types.is_empty());
        types.map(Self).ok_or("sign_ins must be some of s, scoa, sens, sepft, ssa and sertft")
    }
}

impl JsonSchema for SignInTypes {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("SignInTypes")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "items": {"enum": TYPES}, "minItems": 1, "uniqueItems": true, "default": Self::DEFAULT})
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
    use serde_json::json;

    use super::*;

    #[test]
    fn only_types_that_say_that_a_user_got_access_can_be_chosen() {
        let types = |names: &[&str]| SignInTypes::deserialize(json!(names));
        assert_eq!(types(&["s", "ssa"]).unwrap().0, ["s", "ssa"]);
        let default = types(&SignInTypes::DEFAULT).unwrap();
        assert_eq!(default, SignInTypes::default());
        assert!(
            default.known("s").is_some()
                && default.known("ssa").is_none()
                && default.known("sertft").is_none()
        );
        for wrong in [&[][..], &[""], &["s", ""], &["f"], &["s", "f"], &["s ssa"], &["s,ssa"], &["S"]] {
            let error = types(wrong).unwrap_err().to_string();
            assert_eq!(error, "sign_ins must be some of s, scoa, sens, sepft, ssa and sertft", "{wrong:?}");
        }
    }
}
