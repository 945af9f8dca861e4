//! Plans for dead-lettered messages, and their steps.

use std::collections::BTreeMap;
use std::time::Duration;

use postgres_store::{
    DeadLetteredCopy, Expiring, MessageStanding, RedriveAction, RedriveItem, RedrivePlan, RedriveProgress,
    Store, Write,
};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::database::{Database, open};

const QUEUE: &str = "sso-sync";

fn message(message_id: &str) -> DeadLetteredCopy {
    DeadLetteredCopy {
        message_id: message_id.to_owned(),
        body: format!("body of {message_id}"),
        attributes: BTreeMap::from([(String::from("coppice.class"), String::from("timeout"))]),
        sent_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn plan(action: RedriveAction) -> RedrivePlan {
    RedrivePlan {
        plan_id: Uuid::now_v7(),
        queue: QUEUE.to_owned(),
        action,
        selection: json!({"class": ["timeout"]}),
        author: Some(String::from("ada")),
        reason: None,
    }
}

fn item(ids: &[&str]) -> RedriveItem {
    let message_ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    RedriveItem { item_id: Uuid::now_v7(), message_id: message_ids[0].clone(), message_ids }
}

/// A plan of three messages: two about one record, and another.
pub(crate) async fn planned(store: &Store, action: RedriveAction) -> (RedrivePlan, [RedriveItem; 2]) {
    let messages: Vec<_> = ["a1", "a2", "b"].map(message).into();
    store.keep_messages(QUEUE, &messages).await.unwrap();
    let (plan, items) = (plan(action), [item(&["a1", "a2"]), item(&["b"])]);
    store.create_redrive_plan(&plan, &items).await.unwrap();
    (plan, items)
}

async fn standings(database: &Database, plan: &RedrivePlan) -> Vec<MessageStanding> {
    let ids = ["a1", "a2", "b", "c"].map(String::from);
    database.store.message_standings(plan, &ids).await.unwrap()
}

async fn unsent(database: &Database, plan: &RedrivePlan) -> Vec<String> {
    let unsent = database.store.unsent_redrive_items(plan, 10).await.unwrap();
    unsent.into_iter().map(|item| item.message.body).collect()
}

#[tokio::test]
async fn a_message_may_be_deleted_only_after_its_item_was_sent() {
    use MessageStanding::{Deletable, Foreign, Waits};
    let database = Database::start().await;
    let (plan, items) = planned(&database.store, RedriveAction::Redrive).await;
    assert_eq!(database.store.redrive_plan(plan.plan_id).await.unwrap(), Some(plan.clone()));
    assert_eq!(standings(&database, &plan).await, [Waits, Waits, Waits, Foreign]);
    assert_eq!(unsent(&database, &plan).await, ["body of a1", "body of b"]);
    database.store.note_items_sent(&[items[0].item_id]).await.unwrap();
    assert_eq!(standings(&database, &plan).await, [Deletable, Deletable, Waits, Foreign]);
    assert_eq!(unsent(&database, &plan).await, ["body of b"]);
}

#[tokio::test]
async fn dropped_messages_may_be_deleted_at_once() {
    use MessageStanding::{Deletable, Foreign};
    let database = Database::start().await;
    let (plan, _) = planned(&database.store, RedriveAction::Drop).await;
    assert_eq!(standings(&database, &plan).await, [Deletable, Deletable, Deletable, Foreign]);
    database.store.note_messages_deleted(&plan, &[String::from("b")]).await.unwrap();
    let kept = database.store.kept_message(QUEUE, "b").await.unwrap().unwrap();
    assert_eq!((kept.resolution.as_deref(), kept.message.body.as_str()), (Some("dropped"), "body of b"));
    assert_eq!(kept.message.attributes["coppice.class"], "timeout");
    let other = database.store.kept_message(QUEUE, "a1").await.unwrap().unwrap();
    assert_eq!(other.resolution, None);
}

#[tokio::test]
async fn progress_counts_every_step() {
    let database = Database::start().await;
    let (plan, [ada, bob]) = planned(&database.store, RedriveAction::Redrive).await;
    database.store.note_items_sent(&[ada.item_id, bob.item_id]).await.unwrap();
    let ends = [(ada.item_id, false), (bob.item_id, true), (Uuid::now_v7(), true)];
    database.store.end_redrive_items(&ends).await.unwrap();
    database.store.note_messages_deleted(&plan, &[String::from("a1"), String::from("c")]).await.unwrap();
    let progress = database.store.redrive_progress(plan.plan_id).await.unwrap();
    let expected = RedriveProgress {
        messages: 3,
        messages_deleted: 1,
        items: 2,
        items_sent: 2,
        items_handled: 1,
        items_dead_lettered: 1,
    };
    assert_eq!(progress, expected);
}

/// Two plans for the same messages send each record once.
#[tokio::test]
async fn messages_that_another_plan_resolved_are_not_sent_again() {
    let database = Database::start().await;
    let (first, items) = planned(&database.store, RedriveAction::Redrive).await;
    let (second, _) = planned(&database.store, RedriveAction::Redrive).await;
    database.store.note_items_sent(&[items[0].item_id]).await.unwrap();
    let deleted = ["a1", "a2"].map(String::from);
    database.store.note_messages_deleted(&first, &deleted).await.unwrap();
    assert_eq!(unsent(&database, &second).await, ["body of b"]);
    let progress = database.store.redrive_progress(second.plan_id).await.unwrap();
    assert_eq!(
        (progress.items, progress.items_sent, progress.messages_deleted),
        (1, 0, 2),
        "no item is left to send for a1"
    );
}

/// An operator who drops one message about a record has not decided about its others.
#[tokio::test]
async fn an_item_is_sent_while_one_of_its_messages_is_unresolved() {
    let database = Database::start().await;
    let (redrive, _) = planned(&database.store, RedriveAction::Redrive).await;
    let dropping = plan(RedriveAction::Drop);
    database.store.create_redrive_plan(&dropping, &[item(&["a1"])]).await.unwrap();
    database.store.note_messages_deleted(&dropping, &[String::from("a1")]).await.unwrap();
    assert_eq!(unsent(&database, &redrive).await, ["body of a1", "body of b"]);
}

#[tokio::test]
async fn an_item_that_was_dead_lettered_again_stays_so_if_another_unit_handles_it() {
    let database = Database::start().await;
    let (plan, [ada, _]) = planned(&database.store, RedriveAction::Redrive).await;
    database.store.end_redrive_items(&[(ada.item_id, true)]).await.unwrap();
    database.store.end_redrive_items(&[(ada.item_id, false)]).await.unwrap();
    assert_eq!(database.store.redrive_progress(plan.plan_id).await.unwrap().items_dead_lettered, 1);
}

#[tokio::test]
async fn one_process_at_a_time_works_on_a_queue() {
    let database = Database::start().await;
    let other = open(&database.url);
    let lock = database.store.lock_redrive(QUEUE).await.unwrap();
    assert!(lock.is_some() && other.lock_redrive(QUEUE).await.unwrap().is_none());
    assert!(other.lock_redrive("crm-sync").await.unwrap().is_some(), "another queue is free");
    drop(lock);
    local_stack::wait_until(Duration::from_secs(10), "the lock to end with its session", async || {
        Ok(other.lock_redrive(QUEUE).await?.map(drop))
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_copy_of_a_message_keeps_its_age_however_often_it_is_seen() {
    let database = Database::start().await;
    database.store.keep_messages(QUEUE, &[message("a")]).await.unwrap();
    database.execute("update dead_lettered_message set copied_at = copied_at - interval '91 days'").await;
    database.store.keep_messages(QUEUE, &[message("a")]).await.unwrap();
    let age = time::Duration::days(90);
    database
        .store
        .delete_expired(Expiring::DeadLetteredMessages, age, Write::if_wanted(true).as_ref())
        .await
        .unwrap();
    assert!(database.store.kept_message(QUEUE, "a").await.unwrap().is_none());
}

#[tokio::test]
async fn an_item_whose_own_messages_were_deleted_still_counts_as_sent() {
    let database = Database::start().await;
    let (plan, [ada, _]) = planned(&database.store, RedriveAction::Redrive).await;
    database.store.note_items_sent(&[ada.item_id]).await.unwrap();
    database.store.note_messages_deleted(&plan, &["a1", "a2"].map(String::from)).await.unwrap();
    assert_eq!(unsent(&database, &plan).await, ["body of b"]);
    let progress = database.store.redrive_progress(plan.plan_id).await.unwrap();
    assert_eq!((progress.items, progress.items_sent), (2, 1));
}

#[tokio::test]
async fn the_first_resolution_of_a_message_stays() {
    let database = Database::start().await;
    let (redrive, _) = planned(&database.store, RedriveAction::Redrive).await;
    let dropping = plan(RedriveAction::Drop);
    database.store.create_redrive_plan(&dropping, &[item(&["a1"])]).await.unwrap();
    for plan in [&dropping, &redrive] {
        database.store.note_messages_deleted(plan, &[String::from("a1")]).await.unwrap();
        let kept = database.store.kept_message(QUEUE, "a1").await.unwrap().unwrap();
        assert_eq!(kept.resolution.as_deref(), Some("dropped"));
    }
}

#[tokio::test]
async fn a_message_counts_as_gone_only_if_the_plan_s_own_item_was_sent() {
    let database = Database::start().await;
    let (sent, [ada, _]) = planned(&database.store, RedriveAction::Redrive).await;
    let (waiting, _) = planned(&database.store, RedriveAction::Redrive).await;
    database.store.note_items_sent(&[ada.item_id]).await.unwrap();
    let deleted = async |plan: &RedrivePlan| {
        database.store.note_other_messages_gone(plan).await.unwrap();
        database.store.redrive_progress(plan.plan_id).await.unwrap().messages_deleted
    };
    assert_eq!(deleted(&waiting).await, 0, "nothing of this plan was sent");
    assert_eq!(deleted(&sent).await, 2, "both messages of the sent item");
    let dropping = plan(RedriveAction::Drop);
    database.store.create_redrive_plan(&dropping, &[item(&["b"])]).await.unwrap();
    assert_eq!(deleted(&dropping).await, 1);
}
