//! How the changes that a message caused are announced.

use postgres_store::Announce;
use worker_runtime::{Cause, Failure};

/// An announcement one hop further than its cause, in the cause's trace.
///
/// # Errors
/// [`Failure::Rejected`], class `hop_limit`, when the chain of events is as long as one may be.
pub fn announce(cause: Cause) -> Result<Announce, Failure> {
    let hop = cause.hop.next().map_err(|error| {
        // It is the event's own number: no upstream refused it.
        Failure::Rejected { class: "hop_limit", detail: error.to_string(), names_record: true }
    })?;
    Ok(Announce { cause: cause.event_id, hop, traceparent: cause.trace.child() })
}

#[cfg(test)]
mod tests {
    use event_contract::{Hop, TraceContext};
    use uuid::Uuid;

    use super::*;

    fn cause(hop: Hop) -> Cause {
        Cause { event_id: Uuid::from_u128(7), hop, trace: TraceContext::start() }
    }

    #[test]
    fn an_announcement_is_one_hop_further_than_its_cause_and_in_its_trace() {
        let cause = cause(Hop::OUTSIDE);
        let announce = announce(cause).unwrap();
        assert_eq!((announce.cause, announce.hop.get()), (cause.event_id, 1));
        assert_eq!(announce.traceparent.trace_id(), cause.trace.trace_id());
        assert_ne!(announce.traceparent, cause.trace, "it has its own span");
    }

    #[test]
    fn a_chain_of_events_that_is_too_long_ends_without_an_announcement() {
        let failure = announce(cause(Hop::MAX)).unwrap_err();
        assert!(matches!(failure, Failure::Rejected { class: "hop_limit", .. }), "{failure:?}");
    }
}
