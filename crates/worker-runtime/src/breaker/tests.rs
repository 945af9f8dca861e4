//! Tests of the breaker with a ledger in memory.

use super::*;

fn breaker() -> Breaker<&'static str> {
    Breaker::new(&Options { max_refetches: 8, ..Options::default() })
}

#[tokio::test(start_paused = true)]
async fn one_failure_starts_a_probe_and_its_answer_clears_the_suspicion() {
    let mut breaker = breaker();
    assert_eq!(breaker.failed(&"ada"), Suspicion::Verify);
    assert_eq!(breaker.refetch_limit(), 0, "nothing starts until it has answered");
    assert_eq!(breaker.failed(&"bob"), Suspicion::Wait);
    breaker.cleared();
    assert_eq!(breaker.refetch_limit(), 8);
}

#[tokio::test(start_paused = true)]
async fn three_subjects_in_a_row_open_it_even_if_probes_are_answered() {
    let mut breaker = breaker();
    for subject in ["ada", "ada", "ada", "bob"] {
        assert_eq!(breaker.failed(&subject), Suspicion::Verify, "{subject}");
        breaker.cleared();
    }
    assert!(matches!(breaker.failed(&"cyd"), Suspicion::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn it_resumes_gradually_and_opens_at_once_when_recovery_fails() {
    let mut breaker = breaker();
    breaker.limited(Duration::from_secs(5));
    assert_eq!(breaker.refetch_limit(), 0);
    assert!(breaker.learn(BreakerView::Closed));
    let mut limits = Vec::new();
    for _ in 0..4 {
        limits.push(breaker.refetch_limit());
        breaker.succeeded();
    }
    assert_eq!(limits, [1, 2, 4, 8]);
    breaker.limited(Duration::from_secs(5));
    breaker.learn(BreakerView::Closed);
    assert!(matches!(breaker.failed(&"ada"), Suspicion::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn one_subject_that_always_fails_does_not_keep_it_open_for_ever() {
    let mut breaker = breaker();
    breaker.limited(Duration::from_secs(5));
    breaker.learn(BreakerView::Closed);
    assert!(matches!(breaker.failed(&"ada"), Suspicion::Open { .. }));
    breaker.learn(BreakerView::Closed);
    assert_eq!(breaker.failed(&"ada"), Suspicion::Verify, "no other subject has failed meanwhile");
    breaker.cleared();
    assert_eq!(breaker.refetch_limit(), 1, "it still recovers");
    assert!(matches!(breaker.failed(&"bob"), Suspicion::Open { .. }), "a second one is no coincidence");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_news_once_for_refetches_that_ran_together() {
    let mut breaker = breaker();
    assert!(breaker.limited(Duration::from_secs(5)));
    tokio::time::advance(Duration::from_millis(20)).await;
    assert!(!breaker.limited(Duration::from_secs(5)));
    assert!(breaker.limited(Duration::from_secs(60)), "a longer one is news");
}
