//! From an event to user hints: which of the three shapes it has, and who reads it.
//!
//! The shape is told by `source` and by the detail's own fields. `detail-type` is not looked at: Auth0 does not
//! document its value for Event Streams.

use event_contract::Envelope;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{SOURCE, event_stream, log_stream};
use crate::ingress::{is_from_ingress, read_ingress};
use crate::{UnreadableEvent, UserHint};

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

fn parse<T: DeserializeOwned>(envelope: &Envelope) -> Result<T, UnreadableEvent> {
    serde_json::from_str(envelope.detail.get()).map_err(|error| UnreadableEvent::shape(&error))
}

/// A time if it is one. A time in an event is a hint: one that cannot be read is none, and not a fault of the event.
pub(crate) fn lenient_time(value: Option<&Value>) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(value?.as_str()?, &Rfc3339).ok()
}
