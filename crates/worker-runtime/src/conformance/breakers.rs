//! Whether an upstream may be called, and who finds out.

use std::time::Duration;

use super::{LONG, SHORT, UPSTREAM, wait_until};
use crate::{BreakerView, Ledger};

async fn until_probe(ledger: &impl Ledger) -> Option<Duration> {
    match ledger.breaker(UPSTREAM).await.unwrap() {
        BreakerView::Closed => None,
        BreakerView::Open { until_probe } => Some(until_probe),
    }
}

async fn open(ledger: &impl Ledger, until_probe: Duration) {
    ledger.open_breaker(UPSTREAM, "timeout", until_probe).await.unwrap();
}

async fn refetch(ledger: &impl Ledger, lease: Duration) -> bool {
    ledger.lease_probe(UPSTREAM, lease).await.unwrap()
}

async fn is_due_in(ledger: &impl Ledger, expected: Duration) -> bool {
    // About: a case takes a while itself.
    until_probe(ledger).await.is_some_and(|until| until <= expected && until > expected / 10 * 9)
}

/// Closed is how everything begins.
pub async fn an_unknown_upstream_may_be_called(ledger: &impl Ledger) {
    assert_eq!(until_probe(ledger).await, None);
    assert!(!refetch(ledger, LONG).await, "there is nothing to probe");
}

/// And says so until it is, and nothing but zero from then on.
pub async fn an_open_breaker_says_when_its_probe_is_due(ledger: &impl Ledger) {
    open(ledger, LONG).await;
    assert!(is_due_in(ledger, LONG).await);
    ledger.close_breaker(UPSTREAM).await.unwrap();
    open(ledger, SHORT).await;
    wait_until("the probe to be due", async || until_probe(ledger).await == Some(Duration::ZERO)).await;
}

/// One provider's outage stops its own workers.
pub async fn one_upstream_s_breaker_is_not_another_s(ledger: &impl Ledger) {
    ledger.open_breaker("another", "timeout", Duration::ZERO).await.unwrap();
    assert_eq!(until_probe(ledger).await, None);
    assert!(!refetch(ledger, LONG).await);
    open(ledger, Duration::ZERO).await;
    ledger.close_breaker("another").await.unwrap();
    assert!(refetch(ledger, LONG).await);
}

/// Ten processes open it at the same time: the longest wait holds.
pub async fn opening_again_makes_the_probe_later_and_never_sooner(ledger: &impl Ledger) {
    open(ledger, LONG).await;
    open(ledger, SHORT).await;
    assert!(is_due_in(ledger, LONG).await);
    open(ledger, LONG * 2).await;
    assert!(is_due_in(ledger, LONG * 2).await);
}

/// Not even one.
pub async fn no_process_may_probe_before_a_probe_is_due(ledger: &impl Ledger) {
    open(ledger, LONG).await;
    assert!(!refetch(ledger, LONG).await);
}

/// Ten processes ask, and one of them gets the right.
pub async fn one_may_probe_at_a_time(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let ((a, b), (c, d)) =
        tokio::join!(async { tokio::join!(refetch(ledger, LONG), refetch(ledger, LONG)) }, async {
            tokio::join!(refetch(ledger, LONG), refetch(ledger, LONG))
        },);
    assert_eq!([a, b, c, d].iter().filter(|claimed| **claimed).count(), 1);
    assert!(!refetch(ledger, LONG).await);
}

/// A prober that died does not keep it.
pub async fn the_right_to_probe_ends_with_its_lease(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    assert!(refetch(ledger, SHORT).await);
    wait_until("the lease to end", async || refetch(ledger, LONG).await).await;
    assert!(!refetch(ledger, LONG).await);
}

/// The next probe waits twice as long.
pub async fn a_failed_probe_ends_the_lease_and_doubles_the_wait(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    assert!(refetch(ledger, LONG).await);
    ledger.postpone_probe(UPSTREAM, SHORT, LONG).await.unwrap();
    wait_until("the next probe", async || refetch(ledger, LONG).await).await;
    for doublings in 1..4 {
        ledger.postpone_probe(UPSTREAM, LONG, LONG * 100).await.unwrap();
        assert!(is_due_in(ledger, LONG * 2_u32.pow(doublings)).await, "{doublings}");
    }
}

/// However often it failed, and however long the first wait is.
pub async fn the_wait_has_an_upper_bound(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    for _ in 0..40 {
        ledger.postpone_probe(UPSTREAM, LONG / 2, LONG).await.unwrap();
    }
    assert!(is_due_in(ledger, LONG).await);
}

/// There is nothing to find out.
pub async fn a_closed_breaker_is_not_probed(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    assert!(refetch(ledger, LONG).await);
    ledger.close_breaker(UPSTREAM).await.unwrap();
    assert_eq!(until_probe(ledger).await, None);
    assert!(!refetch(ledger, LONG).await);
}

/// The next outage is another one: its waits, its lease.
pub async fn closing_and_opening_starts_the_waits_again(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    for _ in 0..3 {
        ledger.postpone_probe(UPSTREAM, LONG, LONG * 100).await.unwrap();
    }
    ledger.close_breaker(UPSTREAM).await.unwrap();
    open(ledger, Duration::ZERO).await;
    assert!(refetch(ledger, LONG).await);
    ledger.postpone_probe(UPSTREAM, LONG, LONG * 100).await.unwrap();
    assert!(is_due_in(ledger, LONG).await);
}

/// It changes nothing.
pub async fn closing_or_postponing_a_breaker_that_never_opened_is_no_error(ledger: &impl Ledger) {
    ledger.close_breaker(UPSTREAM).await.unwrap();
    ledger.postpone_probe(UPSTREAM, LONG, LONG).await.unwrap();
    assert_eq!(until_probe(ledger).await, None);
}
