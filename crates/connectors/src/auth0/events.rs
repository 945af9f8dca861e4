//! Reads an event: which of the three shapes it has, and by which reader.

use event_contract::{Envelope, Origin, UnreadableEvent};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::sign_in::SignInTypes;
use super::{event_stream, log_stream, sign_in};
use crate::{RecordEvent, SignInEvent};

/// Partner event sources of Auth0: <https://auth0.com/docs/customize/log-streams/amazon-eventbridge>.
pub(super) const PARTNER_SOURCES: &str = "aws.partner/auth0.com/";

#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "type")]
    event_type: Option<IgnoredAny>,
}

pub(super) fn read_event(envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
    let hints = match origin {
        Origin::Ingress => envelope.ingress_hints(),
        Origin::Partner if is_event_stream(envelope)? => event_stream::read(&envelope.parse_detail()?),
        Origin::Partner => log_stream::read(envelope.parse_detail()?),
    };
    hints.map(RecordEvent::Records)
}

pub(super) fn read_sign_in(
    envelope: &Envelope,
    origin: Origin,
    types: &SignInTypes,
) -> Result<SignInEvent, UnreadableEvent> {
    match origin {
        Origin::Ingress => Ok(SignInEvent::Ignored),
        Origin::Partner if is_event_stream(envelope)? => Ok(SignInEvent::Ignored),
        Origin::Partner => sign_in::read(&envelope.parse_detail()?, types),
    }
}

fn is_event_stream(envelope: &Envelope) -> Result<bool, UnreadableEvent> {
    // An Event Stream has its type at the top, a log entry has it inside `data`. `detail-type` does not count: Auth0 does not
    // document its value for Event Streams.
    Ok(envelope.parse_detail::<Shape>()?.event_type.is_some())
}
