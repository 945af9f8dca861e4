//! What every [`EventBus`] must do, as one suite for the fake and the real client. A case that does not hold panics.

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

use std::collections::BTreeSet;
use std::future::Future;

use event_contract::{Announcement, Envelope, EventKind, Hop, IngressEvent, SCHEMA_VERSION, TraceContext};
use uuid::Uuid;

use crate::{BusEntry, BusError, EntryError, EventBus};

/// Makes buses for the suite.
pub trait BusUnderTest {
    /// What is tested.
    type Bus: EventBus;

    /// A bus for one case alone, with a rule that matches every event.
    fn fresh(&self) -> impl Future<Output = Self::Bus>;

    /// A bus that does not exist.
    fn missing(&self) -> impl Future<Output = Self::Bus>;

    /// The JSON of the `count` events that arrived behind the rule, in any order; waits for them.
    fn arrived(&self, bus: &Self::Bus, count: usize) -> impl Future<Output = Vec<String>>;
}

/// Makes a test of each case: `bus_conformance! { [#[tokio::test]] MySubject::new() }`.
#[macro_export]
macro_rules! bus_conformance {
    ([$($attribute:tt)*] $subject:expr) => {
        $crate::bus_conformance! { @tests [$($attribute)*] [$subject]
            an_announcement_arrives_as_it_was_made,
            more_than_one_call_s_worth_arrives,
            nothing_to_publish_is_no_error,
            a_refused_entry_fails_alone,
            an_existing_bus_is_verified,
            a_missing_bus_accepts_events_and_only_verify_notices,
        }
    };
    (@tests $attributes:tt $subject:tt $($case:ident,)*) => {
        $($crate::bus_conformance! { @test $attributes $subject $case })*
    };
    (@test [$($attribute:tt)*] [$subject:expr] $case:ident) => {
        $($attribute)*
        async fn $case() {
            $crate::conformance::$case(&$subject).await;
        }
    };
}

/// Source, kind and every field.
pub async fn an_announcement_arrives_as_it_was_made(subject: &impl BusUnderTest) {
    let bus = subject.fresh().await;
    let made = announcement();
    let results = bus.publish(&[BusEntry::announcement(EventKind::PersonChanged, &made)]).await.unwrap();
    assert_eq!(results, [Ok(())]);
    let arrived = subject.arrived(&bus, 1).await;
    let envelope = Envelope::parse(&arrived[0]).unwrap();
    assert_eq!(Announcement::parse(&envelope), Ok((EventKind::PersonChanged, made)));
}

/// In three calls; one result for each, and each arrives.
pub async fn more_than_one_call_s_worth_arrives(subject: &impl BusUnderTest) {
    let bus = subject.fresh().await;
    let made: Vec<Announcement> = (0..25).map(|_| announcement()).collect();
    let entries: Vec<_> =
        made.iter().map(|one| BusEntry::announcement(EventKind::ContentChanged, one)).collect();
    assert_eq!(bus.publish(&entries).await.unwrap(), vec![Ok(()); 25]);
    let arrived = subject.arrived(&bus, 25).await;
    let ids =
        arrived.iter().map(|event| Announcement::parse(&Envelope::parse(event).unwrap()).unwrap().1.event_id);
    assert_eq!(ids.collect::<BTreeSet<_>>(), made.iter().map(|one| one.event_id).collect());
}

/// EventBridge would refuse an empty call.
pub async fn nothing_to_publish_is_no_error(subject: &impl BusUnderTest) {
    assert_eq!(subject.fresh().await.publish(&[]).await.unwrap(), []);
}

/// Sources that begin with `aws.` are AWS's own.
pub async fn a_refused_entry_fails_alone(subject: &impl BusUnderTest) {
    let bus = subject.fresh().await;
    let detail = IngressEvent::changed(vec![String::from("1")]);
    let foreign = |source: &str| BusEntry::provider(source, "RecordChanged", &detail).unwrap();
    let entries = [foreign("coppice.ingress.sso"), foreign("aws.forged"), foreign("coppice.ingress.crm")];
    let results = bus.publish(&entries).await.unwrap();
    let refusal = EntryError::Refused { code: "NotAuthorizedForSourceException".to_owned() };
    assert_eq!(results, [Ok(()), Err(refusal), Ok(())]);
    let arrived = subject.arrived(&bus, 2).await;
    let sources = arrived.iter().map(|event| Envelope::parse(event).unwrap().source);
    assert_eq!(
        sources.collect::<BTreeSet<_>>(),
        ["coppice.ingress.crm", "coppice.ingress.sso"].map(str::to_owned).into()
    );
}

/// The check of a start-up that may go on.
pub async fn an_existing_bus_is_verified(subject: &impl BusUnderTest) {
    assert_eq!(subject.fresh().await.verify().await, Ok(()));
}

/// The trap that [`EventBus::verify`] is for.
pub async fn a_missing_bus_accepts_events_and_only_verify_notices(subject: &impl BusUnderTest) {
    let bus = subject.missing().await;
    let entry = BusEntry::announcement(EventKind::PersonChanged, &announcement());
    assert_eq!(bus.publish(&[entry]).await.unwrap(), [Ok(())]);
    assert!(matches!(bus.verify().await, Err(BusError::Missing { .. })));
}

fn announcement() -> Announcement {
    Announcement {
        schema: SCHEMA_VERSION,
        event_id: Uuid::now_v7(),
        entity_id: Uuid::now_v7(),
        revision: 7,
        cause: Uuid::now_v7(),
        hop: Hop::OUTSIDE,
        traceparent: TraceContext::start(),
    }
}
