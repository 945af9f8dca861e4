//! The fake passes the suite, and fails on command.

use event_bus::conformance::BusUnderTest;
use event_bus::{BusEntry, BusError, CallFailure, EntryError, EventBus, RecordingBus, bus_conformance};
use event_contract::IngressEvent;

struct Recording;

impl BusUnderTest for Recording {
    type Bus = RecordingBus;

    async fn fresh(&self) -> RecordingBus {
        RecordingBus::default()
    }

    async fn missing(&self) -> RecordingBus {
        RecordingBus::missing()
    }

    async fn arrived(&self, bus: &RecordingBus, count: usize) -> Vec<String> {
        let envelopes = bus.envelopes();
        assert_eq!(envelopes.len(), count);
        envelopes
    }
}

bus_conformance! { [#[tokio::test]] Recording }

fn entries(count: usize) -> Vec<BusEntry> {
    let entry = |number: usize| {
        BusEntry::provider("test", "Numbered", &IngressEvent::changed(vec![number.to_string()])).unwrap()
    };
    (0..count).map(entry).collect()
}

#[tokio::test]
async fn a_first_call_that_fails_is_an_error_and_publishes_nothing() {
    let bus = RecordingBus::default();
    bus.fail_next_calls(1, CallFailure::Throttled);
    assert!(matches!(bus.publish(&entries(25)).await, Err(BusError::Unavailable { .. })));
    assert!(bus.published().is_empty());
    assert_eq!(bus.calls(), 1);
}

#[tokio::test]
async fn a_lost_reply_leaves_the_events_on_the_bus() {
    let bus = RecordingBus::default();
    bus.fail_next_calls(1, CallFailure::ReplyLost);
    assert!(bus.publish(&entries(3)).await.is_err());
    assert_eq!(bus.published(), entries(3));
}

#[tokio::test]
async fn missing_rights_are_refused() {
    let bus = RecordingBus::default();
    bus.fail_next_calls(1, CallFailure::AccessDenied);
    assert!(matches!(bus.publish(&entries(1)).await, Err(BusError::Refused { .. })));
}

#[tokio::test]
async fn a_commanded_entry_fails_alone_and_once() {
    let bus = RecordingBus::default();
    let failure = EntryError::Unavailable { code: "InternalFailure".to_owned() };
    bus.fail_next_entries([1], &failure);
    assert_eq!(bus.publish(&entries(3)).await.unwrap(), [Ok(()), Err(failure), Ok(())]);
    assert_eq!(bus.published().len(), 2);
    assert_eq!(bus.publish(&entries(3)).await.unwrap(), [Ok(()), Ok(()), Ok(())]);
}
