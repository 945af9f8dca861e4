//! Records that their source does not show: what is stored stays, and they are read again.

use std::time::Duration;

use postgres_store::ReadingResult::Unchanged;
use postgres_store::{GatheredPage, PersonReading, RecordState, StaleCondition, Write};

use crate::SOURCE;
use crate::database::{Database, at, found, gone};

pub(crate) fn missing(id: &str, ticket: i64) -> PersonReading {
    PersonReading { state: RecordState::Missing, ..gone(id, None, ticket) }
}

fn not_found(id: &str, ticket: i64) -> PersonReading {
    PersonReading { state: RecordState::Gone { merged_into: None, proved: false }, ..gone(id, None, ticket) }
}

async fn listed(database: &Database) -> Vec<String> {
    let missing = database.store.missing_records(Some(SOURCE), 10).await.unwrap();
    missing.into_iter().map(|record| record.external_id).collect()
}

#[tokio::test]
async fn a_missing_record_keeps_its_values_until_the_same_version_is_read_again() {
    let database = Database::start().await;
    database.apply(&[found("a", "signe", Some(1001), 3), found("b", "bo", Some(1001), 4)]).await;
    let before =
        database.texts("select person_id::text || coalesce(email, '') from person_profile order by 1").await;
    let announced = database.count("select count(*) from outbox").await;
    assert_eq!(
        database.apply(&[missing("a", 2), missing("b", 9), missing("never seen", 9)]).await,
        [Unchanged; 3]
    );
    assert_eq!(listed(&database).await, ["b", "never seen"], "a was read later than it was missed");
    assert_eq!(database.store.missing_records(Some("another"), 10).await.unwrap(), []);
    assert_eq!(
        database.texts("select person_id::text || coalesce(email, '') from person_profile order by 1").await,
        before
    );
    assert_eq!(database.count("select count(*) from outbox").await, announced, "nothing is announced");
    let since = database.texts("select missing_since::text from source_record where external_id = 'b'").await;
    database.apply(&[missing("b", 10)]).await;
    assert_eq!(
        database.texts("select missing_since::text from source_record where external_id = 'b'").await,
        since
    );
    assert_eq!(database.apply(&[found("b", "bo", Some(1001), 11)]).await, [Unchanged]);
    assert_eq!(listed(&database).await, ["never seen"]);
    let run = database.store.begin_resync_run(SOURCE, "listing", "", Some(86_400)).await.unwrap().run_id;
    let stale = database.store.gather_stale(run, SOURCE, StaleCondition::Present, 86_400, 10).await;
    assert_eq!(stale.unwrap(), 1, "it is read again");
    database.apply(&[found("never seen", "cyd", Some(1001), 12)]).await;
    assert_eq!(listed(&database).await, [""; 0]);
    assert_eq!(
        database.count("select count(*) from person_profile where email = 'cyd@example.org'").await,
        1
    );
}

#[tokio::test]
async fn a_missing_record_is_read_whole_is_no_control_and_is_read_again_by_every_resync() {
    let database = Database::start().await;
    let tagged = |id: &str, ticket| PersonReading {
        etag: Some(String::from("W/1")),
        ..found(id, id, Some(1001), ticket)
    };
    database.apply(&[tagged("a", 3), tagged("b", 4)]).await;
    database.apply(&[missing("b", 9)]).await;
    let tickets =
        database.store.draw_refetch_tickets(SOURCE, &[String::from("a"), String::from("b")]).await.unwrap();
    let etags: Vec<_> = tickets.into_iter().map(|ticket| ticket.known_etag).collect();
    assert_eq!(etags, [Some(String::from("W/1")), None]);
    assert_eq!(database.store.sample_live_records(SOURCE, 0, 9).await.unwrap(), ["a"]);

    let run = database.store.begin_resync_run(SOURCE, "listing", "", Some(86_400)).await.unwrap().run_id;
    let added = database.store.gather_stale(run, SOURCE, StaleCondition::Present, 86_400, 10).await.unwrap();
    assert_eq!(added, 1, "b, although it was read a moment ago");
    let page = GatheredPage {
        external_ids: vec![String::from("a"), String::from("b")],
        versions: vec![Some(at(1001)); 2],
        ..GatheredPage::default()
    };
    database.store.gather_page(run, None, &page).await.unwrap();
    let plan = database.store.plan_listing(run, SOURCE).await.unwrap();
    assert_eq!((plan.missing, plan.changed), (0, 0));
    assert!(database.store.pass_listing(run, SOURCE, true, true).await.unwrap());
    let items = database.store.next_resync_items(run, 0, 10).await.unwrap();
    let ids: Vec<&str> = items.iter().map(|item| item.external_id.as_str()).collect();
    assert_eq!(ids, ["b"], "its version is the stored one, and it is read nevertheless");
}

#[tokio::test]
async fn a_listing_without_a_record_that_is_missing_already_is_no_mass_deletion() {
    let database = Database::start().await;
    database.apply(&[found("a", "a", Some(1001), 3), found("b", "b", Some(1001), 4)]).await;
    database.apply(&[missing("b", 9)]).await;
    let run = database.store.begin_resync_run(SOURCE, "listing", "", Some(86_400)).await.unwrap().run_id;
    assert_eq!(database.store.plan_listing(run, SOURCE).await.unwrap().missing, 1, "a alone");
}

#[tokio::test]
async fn deletions_that_the_source_did_not_state_are_counted_and_an_operator_may_lift_a_stated_one() {
    let database = Database::start().await;
    database.apply(&[found("a", "a", Some(1001), 3), found("b", "b", Some(1001), 4)]).await;
    database.apply(&[not_found("a", 5), gone("b", Some(2002), 6)]).await;
    let count = async |age| database.store.count_unproved_deletions(SOURCE, age).await.unwrap();
    assert_eq!((count(Duration::from_secs(3600)).await, count(Duration::ZERO).await), (1, 0));
    let write = Write::if_wanted(true);
    assert!(!database.store.restore_record(SOURCE, "never seen", write.as_ref()).await.unwrap());
    assert!(database.store.restore_record(SOURCE, "b", None).await.unwrap(), "it would be restored");
    assert!(database.store.restore_record(SOURCE, "b", write.as_ref()).await.unwrap());
    database.apply(&[found("b", "b", Some(1001), 7)]).await;
    assert_eq!(database.count("select count(*) from source_record where gone_at is null").await, 1);
    assert!(
        !database.store.restore_record(SOURCE, "b", write.as_ref()).await.unwrap(),
        "it is no tombstone any more"
    );
}
