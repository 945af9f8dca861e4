//! The ledger in Postgres passes the suite that the one in memory passes.

use std::ops::Deref;
use std::time::Duration;

use local_stack::{TestDatabase, Tools};
use postgres_store::{RedriveAction, RedriveItem, RedrivePlan, Store};
use serde_json::Value;
use uuid::Uuid;
use worker_process::PostgresLedger;
use worker_runtime::{BreakerView, FailedAttempt, Ledger, RedriveEnd, ledger_conformance};

/// A ledger on a database of its own.
struct Subject {
    ledger: PostgresLedger,
    store: Store,
    database: TestDatabase,
}

impl Subject {
    async fn start() -> Self {
        Self::on(TestDatabase::migrated().await.unwrap())
    }

    /// On a server that the test stops.
    async fn on_its_own_server() -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
        Self::on(TestDatabase::on_its_own_server(&tools).await.unwrap())
    }

    fn on(database: TestDatabase) -> Self {
        let store = Store::open(&database.url().to_owned().into(), 4).unwrap();
        Self { ledger: PostgresLedger::new(store.clone(), "scripted", "7.0.0"), store, database }
    }
}

/// What the suite asks.
impl Deref for Subject {
    type Target = PostgresLedger;

    fn deref(&self) -> &PostgresLedger {
        &self.ledger
    }
}

ledger_conformance! { [#[tokio::test]] *Subject::start().await }

fn attempt() -> FailedAttempt {
    let (message_id, detail) = (String::from("1"), String::from("5 s"));
    FailedAttempt { message_id, class: "timeout", detail, witness_ago: None }
}

#[tokio::test]
async fn a_message_id_counts_for_its_own_queue_and_a_breaker_for_all_queues() {
    let subject = Subject::start().await;
    let other = PostgresLedger::new(subject.store.clone(), "another", "7.0.0");
    assert_eq!(subject.record(&[attempt(), attempt()]).await.unwrap()[0].attempts, 2);
    assert_eq!(other.record(&[attempt()]).await.unwrap()[0].attempts, 1);
    other.forget(&[String::from("1")]).await.unwrap();
    assert_eq!(subject.record(&[attempt()]).await.unwrap()[0].attempts, 3);
    subject.open_breaker("provider", "timeout", Duration::ZERO, Duration::ZERO).await.unwrap();
    assert_ne!(other.breaker("provider").await.unwrap(), BreakerView::Closed);
}

#[tokio::test]
async fn the_ledger_is_down_while_the_database_is_and_keeps_its_rows() {
    let mut subject = Subject::on_its_own_server().await;
    assert_eq!(subject.record(&[attempt()]).await.unwrap()[0].attempts, 1);
    subject.database.server().stop_immediately();
    assert!(subject.record(&[attempt()]).await.is_err());
    assert!(subject.breaker("provider").await.is_err());
    subject.database.server().start_again().await.unwrap();
    assert_eq!(subject.record(&[attempt()]).await.unwrap()[0].attempts, 2, "the failed call counted nothing");
}

#[tokio::test]
async fn the_ends_of_redriven_messages_are_noted_by_their_marks() {
    let subject = Subject::start().await;
    let item = RedriveItem {
        item_id: Uuid::now_v7(),
        message_id: String::from("dead-lettered"),
        message_ids: vec![String::from("dead-lettered")],
    };
    let plan = RedrivePlan {
        plan_id: Uuid::now_v7(),
        queue: String::from("scripted"),
        action: RedriveAction::Redrive,
        selection: Value::Null,
        author: None,
        reason: None,
    };
    subject.store.create_redrive_plan(&plan, std::slice::from_ref(&item)).await.unwrap();
    let ends = [
        (item.item_id.to_string(), RedriveEnd::Dead),
        (Uuid::now_v7().to_string(), RedriveEnd::Handled),
        (String::from("of another tool"), RedriveEnd::Handled),
    ];
    subject.note_redriven(&ends).await.unwrap();
    let progress = subject.store.redrive_progress(plan.plan_id).await.unwrap();
    assert_eq!((progress.items_dead_lettered, progress.items_handled), (1, 0));
}
