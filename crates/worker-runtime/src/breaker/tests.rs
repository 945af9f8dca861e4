//! Tests of the breaker with a ledger in memory.

use super::*;

const NEXT_PROBE: Duration = Duration::from_secs(5);

fn breaker() -> Breaker<&'static str> {
    Breaker::new(&Options { max_refetches: 8, probe_interval: NEXT_PROBE, ..Options::default() })
}

/// Each fails, and the probe that follows is answered. Returns the opening, if it opens.
fn fail(breaker: &mut Breaker<&'static str>, subjects: &[&'static str]) -> Option<Duration> {
    let mut opened = None;
    for subject in subjects {
        assert_eq!(breaker.failed(subject, true, true), Suspicion::Verify, "{subject}");
        opened = breaker.verified(Probed::Answers);
    }
    opened
}

#[tokio::test(start_paused = true)]
async fn one_failure_starts_a_probe_and_its_answer_clears_the_suspicion() {
    let mut breaker = breaker();
    assert_eq!(breaker.failed(&"ada", true, true), Suspicion::Verify);
    assert_eq!(breaker.refetch_limit(), 0, "nothing starts until it has answered");
    assert_eq!(breaker.failed(&"bob", true, false), Suspicion::Wait);
    assert_eq!(breaker.refetch_limit(), 0);
    breaker.verified(Probed::Answers);
    assert_eq!(breaker.refetch_limit(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_failure_among_successes_stops_no_other_record() {
    let mut breaker = breaker();
    assert_eq!(breaker.failed(&"ada", true, false), Suspicion::Verify);
    assert_eq!(breaker.refetch_limit(), 8);
    assert_eq!(breaker.failed(&"bob", true, true), Suspicion::Wait);
    assert_eq!(breaker.refetch_limit(), 0);
}

#[tokio::test(start_paused = true)]
async fn five_subjects_in_a_row_open_it_even_if_probes_are_answered() {
    let mut breaker = breaker();
    assert_eq!(fail(&mut breaker, &["ada", "ada", "ada", "ada", "ada", "bob"]), None);
    assert_eq!((breaker.refetch_limit(), breaker.is_trying()), (8, false));
    assert_eq!(fail(&mut breaker, &["cyd", "dan"]), None);
    assert_eq!((breaker.refetch_limit(), breaker.is_trying()), (1, true), "others are tried one at a time");
    assert_eq!(fail(&mut breaker, &["eve"]), Some(NEXT_PROBE));
    assert_eq!(breaker.failed(&"fay", true, true), Suspicion::Known);
}

#[tokio::test(start_paused = true)]
async fn a_success_or_a_record_that_goes_the_same_way_ends_the_row() {
    let mut breaker = breaker();
    fail(&mut breaker, &["ada", "bob", "cyd", "dan"]);
    breaker.succeeded();
    assert_eq!((fail(&mut breaker, &["eve"]), breaker.refetch_limit()), (None, 8));
    fail(&mut breaker, &["ada", "bob", "cyd"]);
    breaker.failed(&"dan", true, true);
    assert_eq!(breaker.verified(Probed::SameWay), None);
    assert_eq!((fail(&mut breaker, &["fay"]), breaker.refetch_limit()), (None, 8));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_the_upstream_s_is_in_no_row() {
    let mut breaker = breaker();
    for subject in ["ada", "bob", "cyd", "dan", "eve", "fay"] {
        assert_eq!(breaker.failed(&subject, false, true), Suspicion::Verify);
        assert_eq!(breaker.verified(Probed::Answers), None);
    }
    assert_eq!(breaker.refetch_limit(), 8);
}

#[tokio::test(start_paused = true)]
async fn it_resumes_gradually() {
    let mut breaker = breaker();
    breaker.limited(NEXT_PROBE);
    assert_eq!(breaker.refetch_limit(), 0);
    assert!(breaker.learn(BreakerView::Closed));
    let mut limits = Vec::new();
    for _ in 0..4 {
        assert_eq!(breaker.is_trying(), limits.len() < 3);
        limits.push(breaker.refetch_limit());
        breaker.succeeded();
    }
    assert_eq!(limits, [1, 2, 4, 8]);
}

#[tokio::test(start_paused = true)]
async fn after_an_opening_the_next_different_subject_that_fails_opens_it_again() {
    let mut breaker = breaker();
    assert!(fail(&mut breaker, &["ada", "bob", "cyd", "dan", "eve"]).is_some());
    breaker.learn(BreakerView::Closed);
    assert_eq!(fail(&mut breaker, &["fay"]), Some(NEXT_PROBE));
    breaker.learn(BreakerView::Closed);
    breaker.succeeded();
    assert_eq!(fail(&mut breaker, &["ada"]), None, "one success closes it");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_news_once_for_refetches_that_ran_together() {
    let mut breaker = breaker();
    assert!(breaker.limited(Duration::from_secs(5)));
    tokio::time::advance(Duration::from_millis(20)).await;
    assert!(!breaker.limited(Duration::from_secs(5)));
    assert!(breaker.limited(Duration::from_secs(60)), "a longer one is news");
}
