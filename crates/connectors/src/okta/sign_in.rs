//! Sign-ins in the System Log: the actor signs in to the target of type `AppInstance`, or to Okta itself (`user.session.start`,
//! or a sign-on without a target). Types: <https://developer.okta.com/docs/reference/api/event-types/>.

use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::ProviderError;
use provider_http::json::{Unread, needed, readable};

use super::NAME;
use super::log_event::LogEvent;
use crate::{SignIn, SignInEvent};

const SIGN_INS: [&str; 3] = ["user.authentication.sso", "app.oauth2.signon", "user.session.start"];

pub(super) fn read_sign_in(envelope: &Envelope, origin: Origin) -> Result<SignInEvent, UnreadableEvent> {
    if origin == Origin::Ingress {
        return Ok(SignInEvent::Ignored);
    }
    let event: LogEvent = envelope.parse_detail()?;
    let Some(kind) = event_type(&event)?.filter(|_| may_count(&event)) else {
        return Ok(SignInEvent::Ignored);
    };
    let event_id = event.uuid().ok().flatten().ok_or(UnreadableEvent::MissingId { kind })?;
    // The EventBridge rule keeps the first target only. If that is no application, the log entry may have one.
    let application_may_follow =
        event.targets().is_some() && !matches!(application(&event), Ok(Some(_))) && names_application(kind);
    Ok(match sign_in(&event) {
        Ok(Some(sign_in)) if !application_may_follow => SignInEvent::Complete(sign_in),
        _ => SignInEvent::Incomplete { event_id },
    })
}

/// `None`: the entry is no sign-in that succeeded, or does not say who signed in.
pub(crate) fn sign_in(event: &LogEvent) -> Result<Option<SignIn>, ProviderError> {
    let Some(kind) = known(&needed("eventType", event.event_type())?) else { return Ok(None) };
    let outcome = readable("outcome", event.outcome())?;
    let user = readable("actor", event.actor())?.filter(|actor| actor.kind == "User");
    let (Some("SUCCESS"), Some(user)) = (outcome.as_deref(), user) else { return Ok(None) };
    let application = if names_application(kind) { readable("target", application(event))? } else { None };
    let (event_id, at) = (readable("uuid", event.uuid())?, readable("published", event.published())?);
    let (Some(event_id), Some(at)) = (event_id, at) else { return Ok(None) };
    let application_id = application.unwrap_or_else(|| NAME.to_owned());
    Ok(Some(SignIn { event_id, user_id: user.id, application_id, at }))
}

fn event_type(event: &LogEvent) -> Result<Option<&'static str>, UnreadableEvent> {
    let event_type = event.event_type().ok().flatten();
    event_type.map(|event_type| known(&event_type)).ok_or(UnreadableEvent::Shape { line: 0, column: 0 })
}

fn known(event_type: &str) -> Option<&'static str> {
    SIGN_INS.into_iter().find(|known| *known == event_type)
}

fn may_count(event: &LogEvent) -> bool {
    // A missing field proves neither that the sign-in was refused nor that a program made it.
    let refused = matches!(event.outcome(), Ok(Some(result)) if result != "SUCCESS");
    let of_a_program = matches!(event.actor(), Ok(Some(actor)) if actor.kind != "User");
    !refused && !of_a_program
}

fn names_application(kind: &str) -> bool {
    kind != "user.session.start"
}

/// `None`: the user signed in to Okta itself. A target that cannot be read may be an application.
fn application(event: &LogEvent) -> Result<Option<String>, Unread> {
    let targets = event.targets().unwrap_or_default();
    let application = targets.iter().flatten().find(|target| target.kind == "AppInstance");
    match application {
        Some(application) => Ok(Some(application.id.clone())),
        None => targets.into_iter().find_map(Result::err).map_or(Ok(None), Err),
    }
}
