//! The ledger of failed attempts.

use postgres_store::{FailedAttempt, RecordedFailure};

use crate::database::Database;

const QUEUE: &str = "sso-sync";

fn failed(message: &str) -> FailedAttempt {
    FailedAttempt {
        message_id: message.into(),
        class: "timeout".into(),
        detail: "the provider was slow".into(),
        witness_ago: None,
    }
}

async fn record(database: &Database, queue: &str, failures: &[FailedAttempt]) -> Vec<RecordedFailure> {
    database.store.record_failures(queue, "1.2.3", failures).await.unwrap()
}

async fn attempts(database: &Database, queue: &str, messages: &[&str]) -> Vec<u32> {
    let failures: Vec<_> = messages.iter().map(|message| failed(message)).collect();
    record(database, queue, &failures).await.iter().map(|row| row.attempts).collect()
}

#[tokio::test]
async fn attempts_are_counted_by_message_and_queue_and_answered_in_order() {
    let database = Database::start().await;
    assert_eq!(attempts(&database, QUEUE, &["b", "a"]).await, [1, 1]);
    assert_eq!(attempts(&database, QUEUE, &["a"]).await, [2]);
    assert_eq!(attempts(&database, QUEUE, &["c", "a", "b"]).await, [1, 3, 2]);
    assert_eq!(attempts(&database, "crm-sync", &["a"]).await, [1], "another queue's message");
    assert_eq!(attempts(&database, QUEUE, &[]).await, [0; 0]);
}

#[tokio::test]
async fn several_failures_of_one_message_in_one_call_all_count() {
    let database = Database::start().await;
    assert_eq!(attempts(&database, QUEUE, &["a"]).await, [1]);
    assert_eq!(attempts(&database, QUEUE, &["a", "b", "a"]).await, [3, 1, 3]);
    assert_eq!(attempts(&database, QUEUE, &["a"]).await, [4]);
}

#[tokio::test]
async fn the_time_of_the_first_failure_is_kept() {
    let database = Database::start().await;
    let first = record(&database, QUEUE, &[failed("a")]).await[0].first_failed_at;
    let later = record(&database, QUEUE, &[failed("a")]).await[0].first_failed_at;
    assert_eq!(first, later);
    database.execute("update message_failure set failed_at = failed_at - interval '1 day'").await;
    let earlier = record(&database, QUEUE, &[failed("a")]).await[0].first_failed_at;
    assert_eq!(earlier, first - time::Duration::DAY);
}

#[tokio::test]
async fn only_the_failures_of_succeeded_messages_are_deleted() {
    let database = Database::start().await;
    attempts(&database, QUEUE, &["a", "b"]).await;
    attempts(&database, "crm-sync", &["a"]).await;
    database.store.forget_failures(QUEUE, &["a".into(), "never failed".into()]).await.unwrap();
    assert_eq!(attempts(&database, QUEUE, &["a", "b"]).await, [1, 2]);
    assert_eq!(attempts(&database, "crm-sync", &["a"]).await, [2]);
}

#[tokio::test]
async fn a_failure_whose_text_postgres_cannot_store_still_counts() {
    let database = Database::start().await;
    let odd = FailedAttempt { detail: "a NUL: \0".into(), ..failed("a") };
    let counted = record(&database, QUEUE, &[odd, failed("b")]).await;
    assert_eq!(counted.iter().map(|row| row.attempts).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(
        database
            .texts("select concat_ws(' ', class, detail, worker_version) from message_failure order by 1")
            .await,
        ["timeout a NUL: \u{fffd} 1.2.3", "timeout the provider was slow 1.2.3"]
    );
}

#[tokio::test]
async fn another_queue_s_message_with_the_same_id_has_its_own_first_failure() {
    let database = Database::start().await;
    let other = record(&database, "crm-sync", &[failed("a")]).await[0].first_failed_at;
    database.execute("update message_failure set failed_at = failed_at - interval '1 day'").await;
    let first = record(&database, QUEUE, &[failed("a")]).await[0].first_failed_at;
    assert!(first > other, "{first} {other}");
}

#[tokio::test]
async fn the_failed_attempts_at_a_message_are_listed_from_the_first_to_the_last() {
    let database = Database::start().await;
    for class in ["timeout", "panic", "unavailable"] {
        record(&database, QUEUE, &[FailedAttempt { class: class.into(), ..failed("a") }, failed("b")]).await;
    }
    let noted = database.store.noted_failures(QUEUE, "a").await.unwrap();
    let classes: Vec<_> = noted.iter().map(|failure| failure.class.as_str()).collect();
    assert_eq!(classes, ["timeout", "panic", "unavailable"]);
}

#[tokio::test]
async fn a_failure_counts_with_a_witness_since_the_last_of_its_class() {
    let database = Database::start().await;
    let hour = std::time::Duration::from_secs(3600);
    let fail = async |class: &str, witness_ago| {
        let failure = FailedAttempt { class: class.into(), witness_ago, ..failed("a") };
        let recorded = record(&database, QUEUE, &[failure]).await[0];
        (recorded.attempts, recorded.of_class, recorded.witnessed, recorded.witnessed_of_class)
    };
    let now = Some(std::time::Duration::ZERO);
    assert_eq!(fail("timeout", now).await, (1, 1, 0, 0));
    assert_eq!(fail("timeout", Some(hour)).await, (2, 2, 0, 0), "the witness came before the failures");
    assert_eq!(fail("timeout", now).await, (3, 3, 1, 1));
    assert_eq!(fail("invalid", now).await, (4, 1, 1, 0), "the first of its class");
    assert_eq!(fail("invalid", None).await, (5, 2, 1, 0));
    assert_eq!(fail("invalid", now).await, (6, 3, 2, 1));
}
