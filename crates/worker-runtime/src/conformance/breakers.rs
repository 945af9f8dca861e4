//! Whether an upstream may be called, and who finds out.

use std::time::Duration;

use super::{LONG, SHORT, UPSTREAM, wait_until};
use crate::{BreakerView, Ledger, ProbeLease};

async fn until_probe(ledger: &impl Ledger) -> Option<Duration> {
    match ledger.breaker(UPSTREAM).await.unwrap() {
        BreakerView::Closed => None,
        BreakerView::Open { until_probe } => Some(until_probe),
    }
}

async fn open(ledger: &impl Ledger, until_probe: Duration) {
    ledger.open_breaker(UPSTREAM, "timeout", until_probe, LONG * 100).await.unwrap();
}

async fn leased(ledger: &impl Ledger) -> ProbeLease {
    ledger.lease_probe(UPSTREAM, LONG).await.unwrap().unwrap()
}

async fn may_probe(ledger: &impl Ledger, duration: Duration) -> bool {
    ledger.lease_probe(UPSTREAM, duration).await.unwrap().is_some()
}

async fn close(ledger: &impl Ledger) {
    let lease = leased(ledger).await;
    ledger.close_breaker(UPSTREAM, lease).await.unwrap();
}

async fn is_due_in(ledger: &impl Ledger, expected: Duration) -> bool {
    // About: a case takes a while itself.
    until_probe(ledger).await.is_some_and(|until| until <= expected && until > expected / 10 * 9)
}

/// Closed is how everything begins.
pub async fn an_unknown_upstream_may_be_called(ledger: &impl Ledger) {
    assert_eq!(until_probe(ledger).await, None);
    assert!(!may_probe(ledger, LONG).await, "there is nothing to probe");
}

/// And says so until it is, and nothing but zero from then on.
pub async fn an_open_breaker_says_when_its_probe_is_due(ledger: &impl Ledger) {
    open(ledger, SHORT).await;
    assert!(until_probe(ledger).await.is_some_and(|until| until <= SHORT));
    wait_until("the probe to be due", async || until_probe(ledger).await == Some(Duration::ZERO)).await;
}

/// One provider's outage stops its own workers.
pub async fn one_upstream_s_breaker_is_not_another_s(ledger: &impl Ledger) {
    ledger.open_breaker("another", "timeout", Duration::ZERO, LONG).await.unwrap();
    assert_eq!(until_probe(ledger).await, None);
    assert!(!may_probe(ledger, LONG).await);
    open(ledger, Duration::ZERO).await;
    let lease = ledger.lease_probe("another", LONG).await.unwrap().unwrap();
    ledger.close_breaker("another", lease).await.unwrap();
    assert!(may_probe(ledger, LONG).await);
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
    assert!(!may_probe(ledger, LONG).await);
}

/// Ten processes ask, and one of them gets the right.
pub async fn one_may_probe_at_a_time(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let ((a, b), (c, d)) =
        tokio::join!(async { tokio::join!(may_probe(ledger, LONG), may_probe(ledger, LONG)) }, async {
            tokio::join!(may_probe(ledger, LONG), may_probe(ledger, LONG))
        },);
    assert_eq!([a, b, c, d].iter().filter(|claimed| **claimed).count(), 1);
    assert!(!may_probe(ledger, LONG).await);
}

/// A prober that died does not keep it.
pub async fn the_right_to_probe_ends_with_its_lease(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    assert!(may_probe(ledger, SHORT).await);
    wait_until("the lease to end", async || may_probe(ledger, LONG).await).await;
    assert!(!may_probe(ledger, LONG).await);
}

/// The next probe waits twice as long.
pub async fn a_failed_probe_ends_the_lease_and_doubles_the_wait(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let lease = leased(ledger).await;
    ledger.postpone_probe(UPSTREAM, lease, SHORT, LONG).await.unwrap();
    let mut lease = None;
    wait_until("the next probe", async || {
        lease = ledger.lease_probe(UPSTREAM, LONG).await.unwrap();
        lease.is_some()
    })
    .await;
    for doublings in 1..4 {
        ledger.postpone_probe(UPSTREAM, lease.unwrap(), LONG, LONG * 100).await.unwrap();
        assert!(is_due_in(ledger, LONG * 2_u32.pow(doublings)).await, "{doublings}");
    }
}

/// However often it failed, and however long the first wait is.
pub async fn the_wait_has_an_upper_bound(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let lease = leased(ledger).await;
    for _ in 0..40 {
        ledger.postpone_probe(UPSTREAM, lease, LONG / 2, LONG).await.unwrap();
    }
    assert!(is_due_in(ledger, LONG).await);
}

/// There is nothing to find out.
pub async fn a_closed_breaker_is_not_probed(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    close(ledger).await;
    assert_eq!(until_probe(ledger).await, None);
    assert!(!may_probe(ledger, LONG).await);
}

/// Its probes succeed, and the work fails all the same.
pub async fn a_breaker_that_opens_again_soon_waits_longer_each_time(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let lease = leased(ledger).await;
    ledger.postpone_probe(UPSTREAM, lease, Duration::ZERO, LONG).await.unwrap();
    close(ledger).await;
    open(ledger, Duration::ZERO).await;
    close(ledger).await;
    open(ledger, LONG).await;
    assert!(is_due_in(ledger, LONG * 8).await, "one failed probe and two openings");
}

/// However often it opened.
pub async fn the_wait_of_a_breaker_that_opens_again_has_an_upper_bound(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    for _ in 0..40 {
        close(ledger).await;
        open(ledger, Duration::ZERO).await;
    }
    close(ledger).await;
    ledger.open_breaker(UPSTREAM, "timeout", LONG / 2, LONG).await.unwrap();
    assert!(is_due_in(ledger, LONG).await);
}

/// Nor does it make later waits longer.
pub async fn a_pause_that_the_upstream_asks_for_is_not_lengthened(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    for _ in 0..3 {
        close(ledger).await;
        ledger.open_breaker(UPSTREAM, "rate_limited", Duration::ZERO, Duration::ZERO).await.unwrap();
    }
    close(ledger).await;
    ledger.open_breaker(UPSTREAM, "rate_limited", LONG, LONG).await.unwrap();
    assert!(is_due_in(ledger, LONG).await);
    open(ledger, LONG * 2).await;
    assert!(is_due_in(ledger, LONG * 2).await);
}

/// Another process learned meanwhile how long to wait.
pub async fn a_late_probe_does_not_end_a_longer_pause(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let lease = leased(ledger).await;
    open(ledger, LONG).await;
    ledger.close_breaker(UPSTREAM, lease).await.unwrap();
    assert!(is_due_in(ledger, LONG).await);
    ledger.postpone_probe(UPSTREAM, lease, SHORT, SHORT).await.unwrap();
    assert!(is_due_in(ledger, LONG).await);
}

/// The newest lease counts, and only in its own outage.
pub async fn a_probe_of_an_earlier_lease_or_outage_counts_no_more(ledger: &impl Ledger) {
    open(ledger, Duration::ZERO).await;
    let first = ledger.lease_probe(UPSTREAM, SHORT).await.unwrap().unwrap();
    let mut second = None;
    wait_until("the lease to end", async || {
        second = ledger.lease_probe(UPSTREAM, LONG).await.unwrap();
        second.is_some()
    })
    .await;
    ledger.close_breaker(UPSTREAM, first).await.unwrap();
    ledger.postpone_probe(UPSTREAM, first, LONG, LONG).await.unwrap();
    assert_eq!(until_probe(ledger).await, Some(Duration::ZERO));
    ledger.close_breaker(UPSTREAM, second.unwrap()).await.unwrap();
    assert_eq!(until_probe(ledger).await, None);
    open(ledger, Duration::ZERO).await;
    ledger.close_breaker(UPSTREAM, second.unwrap()).await.unwrap();
    assert_eq!(until_probe(ledger).await, Some(Duration::ZERO));
}

/// It changes nothing.
pub async fn closing_or_postponing_a_breaker_that_never_opened_is_no_error(ledger: &impl Ledger) {
    ledger.close_breaker(UPSTREAM, ProbeLease(0)).await.unwrap();
    ledger.postpone_probe(UPSTREAM, ProbeLease(0), LONG, LONG).await.unwrap();
    assert_eq!(until_probe(ledger).await, None);
}
