//! From an event to user hints and sign-ins: which of the three shapes it has, and who reads it.
//!
//! The shape is told by `source` and by the detail's own fields. `detail-type` is not looked at: Auth0 does not
//! document its value for Event Streams.

use event_contract::Envelope;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{SOURCE, event_stream, log_stream, sign_in};
use crate::detail::parse;
use crate::ingress::{is_from_ingress, read_ingress};
use crate::{SignInEvent, UnreadableEvent, UserHint};

/// Partner event sources of Auth0: <https://auth0.com/docs/customize/log-streams/amazon-eventbridge>.
const PARTNER_SOURCE_PREFIX: &str = "aws.partner/auth0.com/";

/// The one field that tells the feeds apart: an Event Stream's type stands at the top, a log's inside `data`.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "type")]
    event_type: Option<IgnoredAny>,
}

/// Which users the event names. See [`crate::SsoProvider::read_event`].
pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<UserHint>, UnreadableEvent> {
    if is_from_ingress(envelope, SOURCE) {
        return read_ingress(envelope);
    }
    if !envelope.source.starts_with(PARTNER_SOURCE_PREFIX) {
        return Err(UnreadableEvent::ForeignSource { expected: SOURCE });
    }
    let shape: Shape = parse(envelope)?;
    if shape.event_type.is_some() {
        event_stream::read(parse(envelope)?)
    } else {
        log_stream::read(parse(envelope)?)
    }
}

/// The sign-in that the event tells of. See [`crate::SsoProvider::read_sign_in`]. Event Streams have none.
pub(crate) fn read_sign_in(envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
    if is_from_ingress(envelope, SOURCE) {
        return Ok(SignInEvent::Ignored);
    }
    if !envelope.source.starts_with(PARTNER_SOURCE_PREFIX) {
        return Err(UnreadableEvent::ForeignSource { expected: SOURCE });
    }
    let shape: Shape = parse(envelope)?;
    if shape.event_type.is_some() { Ok(SignInEvent::Ignored) } else { sign_in::read(parse(envelope)?) }
}
