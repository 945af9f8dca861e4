//! How often a message has failed.

use crate::{FailedAttempt, Ledger, RecordedFailure};

fn attempt(message_id: &str) -> FailedAttempt {
    FailedAttempt {
        message_id: message_id.to_owned(),
        class: "timeout",
        detail: String::from("5 s"),
        witness_ago: None,
    }
}

async fn record(ledger: &impl Ledger, message_ids: &[&str]) -> Vec<RecordedFailure> {
    let attempts: Vec<FailedAttempt> = message_ids.iter().map(|message_id| attempt(message_id)).collect();
    ledger.record(&attempts).await.unwrap()
}

async fn counts(ledger: &impl Ledger, message_ids: &[&str]) -> Vec<u32> {
    record(ledger, message_ids).await.iter().map(|recorded| recorded.attempts).collect()
}

/// The one that is recorded is counted.
pub async fn attempts_are_counted_for_each_message(ledger: &impl Ledger) {
    assert_eq!(counts(ledger, &["ada"]).await, [1]);
    assert_eq!(counts(ledger, &["ada", "bob"]).await, [2, 1]);
    assert_eq!(counts(ledger, &["bob"]).await, [2]);
}

/// However often it fails after that.
pub async fn the_first_failure_keeps_its_time(ledger: &impl Ledger) {
    let first = record(ledger, &["ada"]).await[0].first_failed_at;
    assert_eq!(record(ledger, &["ada"]).await[0].first_failed_at, first);
    assert!(record(ledger, &["bob"]).await[0].first_failed_at >= first);
}

/// SQS may deliver twice within the visibility; each answer knows of both.
pub async fn one_message_twice_in_a_batch_is_two_attempts(ledger: &impl Ledger) {
    assert_eq!(counts(ledger, &["ada", "bob", "ada"]).await, [2, 1, 2]);
    assert_eq!(counts(ledger, &["ada"]).await, [3]);
}

/// One answer for each, whatever order the store finds them in.
pub async fn answers_come_in_the_order_of_the_question(ledger: &impl Ledger) {
    counts(ledger, &["zoe", "zoe", "cyd"]).await;
    assert_eq!(counts(ledger, &["zoe", "ada", "cyd"]).await, [3, 1, 2]);
    assert_eq!(counts(ledger, &["cyd", "zoe", "ada"]).await, [3, 4, 2]);
}

/// A success clears its own message's past, and no other's.
pub async fn a_forgotten_message_is_counted_from_one_again(ledger: &impl Ledger) {
    counts(ledger, &["ada", "bob"]).await;
    ledger.forget(&[String::from("ada")]).await.unwrap();
    assert_eq!(counts(ledger, &["ada", "bob"]).await, [1, 2]);
}

/// A message that succeeds on its second receive may never have failed.
pub async fn forgetting_a_message_that_never_failed_is_no_error(ledger: &impl Ledger) {
    ledger.forget(&[String::from("ada"), String::from("bob")]).await.unwrap();
    assert_eq!(counts(ledger, &["ada"]).await, [1]);
}

/// A detail is text, whatever stands in it.
pub async fn details_with_quotes_and_other_scripts_are_taken(ledger: &impl Ledger) {
    let detail = String::from("it's \"so\"; -- {} $1 \\ \u{5d0}\u{1f600}");
    let recorded = ledger.record(&[FailedAttempt { detail, ..attempt("ada") }]).await.unwrap();
    assert_eq!(recorded[0].attempts, 1);
}

/// A witness is a record that went the same way after the last failure of the same class.
pub async fn a_failure_has_a_witness_if_one_went_by_since_the_last_of_its_class(ledger: &impl Ledger) {
    let failed = async |class, witness_ago| {
        // Two failures at one instant could not be distinguished; paused time stands still by itself.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let recorded =
            ledger.record(&[FailedAttempt { class, witness_ago, ..attempt("ada") }]).await.unwrap()[0];
        (recorded.of_class, recorded.witnessed, recorded.witnessed_of_class)
    };
    let now = Some(std::time::Duration::ZERO);
    let before_all = Some(std::time::Duration::from_secs(3600));
    assert_eq!(failed("timeout", now).await, (1, 0, 0), "the first failure of a class has none");
    assert_eq!(failed("timeout", None).await, (2, 0, 0));
    assert_eq!(failed("timeout", before_all).await, (3, 0, 0));
    assert_eq!(failed("timeout", now).await, (4, 1, 1));
    assert_eq!(failed("invalid", now).await, (1, 1, 0));
    assert_eq!(failed("invalid", now).await, (2, 2, 1));
    assert_eq!(failed("timeout", None).await, (5, 2, 1), "an earlier witness stays");
}
