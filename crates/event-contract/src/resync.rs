//! Messages of the resync queues: one record that is to be read again. Their text has the shape of an ingress event that a rule
//! hands to a queue, so that the same handler reads it. They are sent straight to a resync queue, past the bus.

use crate::envelope::queued_event;
use crate::ingress::{INGRESS_SOURCE_PREFIX, IngressChange, IngressEvent};

/// `detail-type` of a resync message: no rule matches it.
pub const RESYNC_DETAIL_TYPE: &str = "resync";

/// A message that has one record of `source` read again. Its event ID is new: it is the cause of what follows.
pub fn resync_message(source: &str, id: &str) -> String {
    // It says *changed*, without a lower bound: the source decides whether the record is gone, and its answer of now is new
    // enough.
    let detail = IngressEvent {
        ids: vec![id.to_owned()],
        change: IngressChange::Changed,
        not_before: None,
        account: None,
    };
    queued_event(&format!("{INGRESS_SOURCE_PREFIX}{source}"), RESYNC_DETAIL_TYPE, &detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Envelope;

    #[test]
    fn a_resync_message_is_an_event_that_names_one_record() {
        let id = "auth0|\"quoted\"";
        let (one, two) = (resync_message("auth0", id), resync_message("auth0", id));
        let envelope = Envelope::parse(&one).unwrap();
        assert_eq!(
            (envelope.source.as_str(), envelope.detail_type.as_str()),
            ("coppice.ingress.auth0", "resync")
        );
        let event: IngressEvent = serde_json::from_str(envelope.detail.get()).unwrap();
        assert_eq!((event.ids.as_slice(), event.change), (&[id.to_owned()][..], IngressChange::Changed));
        assert_eq!(event.not_before, None);
        assert_ne!(envelope.id, Envelope::parse(&two).unwrap().id);
    }
}
