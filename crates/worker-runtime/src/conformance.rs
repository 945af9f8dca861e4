//! What every [`Ledger`](crate::Ledger) must do, as one suite for the one in memory and the one in Postgres.
//!
//! In: an empty ledger. Out: a panic in the case that does not hold. Time is the ledger's own, so a case waits for what must
//! come, with a limit. [`ledger_conformance!`] makes one test of each case.
//!
//! [`ledger_conformance!`]: crate::ledger_conformance

#![allow(clippy::unwrap_used, reason = "a panic is how a case fails")]

pub mod attempts;
pub mod breakers;

use std::time::Duration;

use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough that it does not pass while a case runs.
const LONG: Duration = Duration::from_secs(600);

const SHORT: Duration = Duration::from_millis(50);

const UPSTREAM: &str = "provider";

/// Makes a test of each case: `ledger_conformance! { [#[tokio::test]] ledger().await }`, with an empty ledger for each.
#[macro_export]
macro_rules! ledger_conformance {
    ([$($attribute:tt)*] $ledger:expr) => {
        $crate::ledger_conformance! { @tests [$($attribute)*] [$ledger]
            attempts::attempts_are_counted_for_each_message,
            attempts::the_first_failure_keeps_its_time,
            attempts::one_message_twice_in_a_batch_is_two_attempts,
            attempts::answers_come_in_the_order_of_the_question,
            attempts::a_forgotten_message_is_counted_from_one_again,
            attempts::forgetting_a_message_that_never_failed_is_no_error,
            attempts::details_with_quotes_and_other_scripts_are_taken,
            attempts::a_failure_has_a_witness_if_one_went_by_since_the_last_of_its_class,
            breakers::an_unknown_upstream_may_be_called,
            breakers::an_open_breaker_says_when_its_probe_is_due,
            breakers::one_upstream_s_breaker_is_not_another_s,
            breakers::opening_again_makes_the_probe_later_and_never_sooner,
            breakers::no_process_may_probe_before_a_probe_is_due,
            breakers::one_may_probe_at_a_time,
            breakers::the_right_to_probe_ends_with_its_lease,
            breakers::a_failed_probe_ends_the_lease_and_doubles_the_wait,
            breakers::the_wait_has_an_upper_bound,
            breakers::a_closed_breaker_is_not_probed,
            breakers::a_breaker_that_opens_again_soon_waits_longer_each_time,
            breakers::the_wait_of_a_breaker_that_opens_again_has_an_upper_bound,
            breakers::a_pause_that_the_upstream_asks_for_is_not_lengthened,
            breakers::a_late_probe_does_not_end_a_longer_pause,
            breakers::a_probe_of_an_earlier_lease_or_outage_counts_no_more,
            breakers::closing_or_postponing_a_breaker_that_never_opened_is_no_error,
        }
    };
    (@tests $attributes:tt $ledger:tt $($module:ident::$case:ident,)*) => {
        $($crate::ledger_conformance! { @test $attributes $ledger $module $case })*
    };
    (@test [$($attribute:tt)*] [$ledger:expr] $module:ident $case:ident) => {
        $($attribute)*
        async fn $case() {
            $crate::conformance::$module::$case(&$ledger).await;
        }
    };
}

async fn wait_until(what: &str, mut question: impl AsyncFnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !question().await {
        assert!(Instant::now() < limit, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
