//! Sign-ins in the System Log: the actor signs in to the target of type `AppInstance`, or to Okta itself (`user.session.start`,
//! or a sign-on without a target). Types: <https://developer.okta.com/docs/reference/api/event-types/>.

use event_contract::{Envelope, Origin, UnreadableEvent};

use super::log_event::LogEvent;
use super::{PARTNER_SOURCE_PREFIX, SOURCE};
use crate::{SignIn, SignInEvent};

const SIGN_INS: [&str; 3] = ["user.authentication.sso", "app.oauth2.signon", "user.session.start"];

pub(crate) fn read_sign_in(envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
    if envelope.origin(SOURCE, Some(PARTNER_SOURCE_PREFIX))? == Origin::Ingress {
        return Ok(SignInEvent::Ignored);
    }
    let event: LogEvent = envelope.parse_detail()?;
    let Some(kind) = kind(&event).filter(|_| may_count(&event)) else { return Ok(SignInEvent::Ignored) };
    let event_id = event.uuid().ok_or(UnreadableEvent::MissingId { kind })?;
    // The EventBridge rule keeps the first target only. If that is no application, the log entry may have one.
    let application_may_follow =
        event.has_target() && application(&event).is_none() && names_application(kind);
    Ok(match sign_in(&event) {
        Some(sign_in) if !application_may_follow => SignInEvent::Complete(sign_in),
        _ => SignInEvent::Incomplete { event_id: event_id.to_owned() },
    })
}

pub(crate) fn sign_in(event: &LogEvent) -> Option<SignIn> {
    let kind = kind(event)?;
    if event.outcome() != Some("SUCCESS") {
        return None;
    }
    let user = event.actor().filter(|actor| actor.kind == "User")?;
    let application = application(event).filter(|_| names_application(kind));
    Some(SignIn {
        event_id: event.uuid()?.to_owned(),
        user_id: user.id.to_owned(),
        application_id: application.unwrap_or(SOURCE).to_owned(),
        at: event.published()?,
    })
}

fn kind(event: &LogEvent) -> Option<&'static str> {
    SIGN_INS.into_iter().find(|known| *known == event.event_type)
}

fn may_count(event: &LogEvent) -> bool {
    // A missing field proves neither that the sign-in was refused nor that a program made it.
    let not_refused = event.outcome().is_none_or(|result| result == "SUCCESS");
    not_refused && event.actor().is_none_or(|actor| actor.kind == "User")
}

fn names_application(kind: &str) -> bool {
    kind != "user.session.start"
}

fn application(event: &LogEvent) -> Option<&str> {
    event.targets_of("AppInstance").map(|target| target.id).next()
}
