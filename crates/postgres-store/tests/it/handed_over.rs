//! Records that are handed over: versions, tombstones, the listing and the feed.

use futures::future::join_all;
use postgres_store::{HandOver, HandedOverPlace, RecordVersion, Taken};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::database::Database;

const SOURCE: &str = "county";

fn handed(id: &str, number: i64, content: Option<Value>) -> HandOver {
    HandOver { record_id: id.to_owned(), version: RecordVersion::Number(number), content }
}

async fn take(db: &Database, records: &[HandOver]) -> Vec<Taken> {
    db.store.take_records(SOURCE, records, None).await.unwrap()
}

#[tokio::test]
async fn each_record_of_a_batch_is_judged_by_its_own_version() {
    let db = Database::start().await;
    let all = ["new", "higher", "same", "other", "lower", "kind"];
    let first: Vec<HandOver> = all[1..].iter().map(|id| handed(id, 5, Some(json!({"a": 1})))).collect();
    assert_eq!(take(&db, &first).await, [Taken::Stored; 5]);
    let at = RecordVersion::At(datetime!(2026-11-20 8:00 UTC));
    let second = [
        handed("new", 1, None),
        handed("higher", 6, Some(json!({"a": 2}))),
        handed("same", 5, Some(json!({"a": 1}))),
        handed("other", 5, Some(json!({"a": 2}))),
        handed("lower", 4, None),
        HandOver { version: at, ..handed("kind", 0, None) },
    ];
    let expected =
        [Taken::Stored, Taken::Stored, Taken::Same, Taken::Conflict, Taken::Older, Taken::OtherKind];
    assert_eq!(take(&db, &second).await, expected);
    let read = db.store.handed_over_records(SOURCE, &all.map(str::to_owned)).await.unwrap();
    let content = |id: &str| read.iter().find(|row| row.record_id == id).unwrap().content.clone();
    assert_eq!(content("new"), None);
    assert_eq!(content("higher"), Some(json!({"a": 2})));
    for id in ["same", "other", "lower", "kind"] {
        assert_eq!(content(id), Some(json!({"a": 1})), "{id}");
    }
    // Another source may have the same IDs.
    let other = db.store.take_records("other", &[handed("same", 1, None)], None).await.unwrap();
    assert_eq!(other, [Taken::Stored]);
    assert_eq!(db.store.handed_over_records(SOURCE, &["a\0".to_owned()]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn of_versions_that_come_at_once_the_highest_stays() {
    let db = Database::start().await;
    let sender = |number: i64| {
        let (store, record) = (db.store.clone(), handed("a", number, Some(json!({"n": number}))));
        async move { store.take_records(SOURCE, &[record], None).await.unwrap() }
    };
    let taken = join_all((1..=20).map(sender)).await;
    assert!(taken.iter().flatten().all(|taken| matches!(taken, Taken::Stored | Taken::Older)), "{taken:?}");
    assert_eq!(taken[19], [Taken::Stored]);
    let read = db.store.handed_over_records(SOURCE, &["a".to_owned()]).await.unwrap();
    assert_eq!(read[0].content, Some(json!({"n": 20})));
}

#[tokio::test]
async fn a_tombstone_holds_no_value() {
    let db = Database::start().await;
    take(&db, &[handed("a", 1, Some(json!({"given_name": "pii-marker"})))]).await;
    take(&db, &[handed("a", 2, None)]).await;
    let row: String = sqlx::query_scalar("select to_jsonb(r)::text from handed_over_record r")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    let row: Value = serde_json::from_str(&row).unwrap();
    assert_eq!(
        (&row["content"], &row["content_hash"], &row["removed"]),
        (&Value::Null, &Value::Null, &json!(true))
    );
}

#[tokio::test]
async fn the_listing_has_what_is_not_removed_in_the_order_of_the_ids() {
    let db = Database::start().await;
    let at = datetime!(2026-11-20 8:00 UTC);
    take(&db, &[handed("c", 1, Some(json!({}))), handed("a", 1, Some(json!({}))), handed("b", 1, None)])
        .await;
    take(&db, &[HandOver { version: RecordVersion::At(at), ..handed("d", 0, Some(json!({}))) }]).await;
    db.store.take_records("other", &[handed("aa", 1, Some(json!({})))], None).await.unwrap();
    let list = async |after: Option<&str>, limit: u32| {
        let rows = db.store.list_handed_over(SOURCE, after, limit).await.unwrap();
        rows.into_iter().map(|row| (row.record_id, row.version_at)).collect::<Vec<_>>()
    };
    let expected: [(String, Option<OffsetDateTime>); 3] =
        [("a".into(), None), ("c".into(), None), ("d".into(), Some(at))];
    assert_eq!(list(None, 9).await, expected);
    assert_eq!(list(None, 1).await, expected[..1]);
    assert_eq!(list(Some("a"), 9).await, expected[1..]);
}

#[tokio::test]
async fn the_feed_has_every_change_once_and_waits_for_transactions_in_progress() {
    let db = Database::start().await;
    take(&db, &[handed("b", 1, Some(json!({}))), handed("a", 1, None)]).await;
    let begin = HandedOverPlace { received_at: datetime!(2020-01-01 0:00 UTC), record_id: String::new() };
    let since = async |place: &HandedOverPlace| db.store.handed_over_since(SOURCE, place, 9).await.unwrap();
    assert_eq!(since(&begin).await, [], "an earlier one may still become visible");
    let age = async |id: &str, minutes: i32| {
        let age = "update handed_over_record set received_at = now() - make_interval(mins => $2) where record_id = $1";
        sqlx::query(age).bind(id).bind(minutes).execute(&db.pool).await.unwrap();
    };
    age("a", 5).await;
    age("b", 4).await;
    let first = since(&begin).await;
    assert_eq!(first.iter().map(|place| place.record_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(since(&first[1]).await, []);
    // The same content again is no change, and a new version is one.
    take(&db, &[handed("a", 1, None)]).await;
    assert_eq!(since(&first[1]).await, []);
    take(&db, &[handed("a", 2, Some(json!({})))]).await;
    age("a", 3).await;
    assert_eq!(since(&first[1]).await[0].record_id, "a");
}
