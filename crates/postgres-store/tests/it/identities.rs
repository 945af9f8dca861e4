//! Ways to sign in: they follow their record, whichever of two linked records is read first.

use postgres_store::ReadingResult::{Applied, Unchanged};
use postgres_store::{PersonReading, RecordState};

use crate::CRM;
use crate::database::{Database, gone, naming};

const PRIMARY: &str = "db|p";
const SECONDARY: &str = "social|s";

async fn who_names_what(database: &Database) -> Vec<String> {
    let rows = "select external_id || ' ' || subject from identity i join source_record r using (source, external_id) \
                where i.person_id = r.person_id order by 1";
    database.texts(rows).await
}

async fn live(database: &Database) -> Vec<String> {
    database.texts("select external_id from source_record where gone_at is null order by 1").await
}

/// Every order of the given things.
fn orders(things: Vec<PersonReading>) -> Vec<Vec<PersonReading>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for first in 0..things.len() {
        let mut rest = things.clone();
        let thing = rest.remove(first);
        all.extend(orders(rest).into_iter().map(|order| [vec![thing.clone()], order].concat()));
    }
    all
}

#[tokio::test]
async fn an_identity_ends_at_the_primary_account_whatever_is_read_first() {
    // The link happened at 2001. One refetch of the secondary had begun before it, and saw it still there.
    let readings = vec![
        naming(PRIMARY, "p", &["p", "s"], Some(2001), 12),
        naming(SECONDARY, "changed", &["s"], Some(1502), 10),
        gone(SECONDARY, Some(2001), 13),
    ];
    let database = Database::start().await;
    for (number, order) in orders(readings).into_iter().enumerate() {
        database.execute("truncate person, source_record, identity, outbox cascade").await;
        let before =
            [naming(PRIMARY, "p", &["p"], Some(1001), 1), naming(SECONDARY, "s", &["s"], Some(1002), 2)];
        database.apply(&before).await;
        for reading in &order {
            database.apply(std::slice::from_ref(reading)).await;
        }
        assert_eq!(who_names_what(&database).await, ["db|p p", "db|p s"], "order {number}");

        database.execute("truncate person, source_record, identity, outbox cascade").await;
        database.apply(&before).await;
        database.apply(&order).await;
        assert_eq!(who_names_what(&database).await, ["db|p p", "db|p s"], "order {number} in one batch");
    }
}

#[tokio::test]
async fn an_identity_that_is_unlinked_becomes_a_person_again() {
    let database = Database::start().await;
    database.apply(&[naming(PRIMARY, "p", &["p", "s"], Some(1001), 1), gone(SECONDARY, None, 2)]).await;
    database.apply(&[naming(SECONDARY, "s", &["s"], Some(2001), 3)]).await;
    database.apply(&[naming(PRIMARY, "p", &["p"], Some(2002), 4)]).await;
    assert_eq!(who_names_what(&database).await, ["db|p p", "social|s s"]);
}

#[tokio::test]
async fn identities_are_exactly_those_that_the_record_names() {
    let database = Database::start().await;
    for (version, subjects) in
        [(1001, &["1", "2"][..]), (1002, &["2", "2", "3"]), (1003, &[]), (1004, &["1"])]
    {
        database.apply(&[naming("a", "ada", subjects, Some(version), version)]).await;
        let mut expected = subjects.to_vec();
        expected.dedup();
        assert_eq!(database.texts("select subject from identity order by 1").await, expected);
    }
}

#[tokio::test]
async fn a_deletion_that_names_only_the_identity_reaches_its_record() {
    let database = Database::start().await;
    database.apply(&[naming("db|68ee", "ada", &["68ee", "linked"], Some(1001), 1)]).await;
    assert_eq!(database.apply(&[gone("68ee", Some(2001), 2)]).await, [Applied]);
    assert_eq!(live(&database).await, [""; 0]);
    assert_eq!(
        database.count("select count(*) from source_record").await,
        1,
        "no tombstone without a record"
    );
    assert_eq!(database.texts("select status from person").await, ["deleted"]);
    assert_eq!(database.count("select count(*) from identity").await, 0);
}

#[tokio::test]
async fn a_deletion_under_both_ids_in_one_batch_is_one() {
    let database = Database::start().await;
    database.apply(&[naming("db|68ee", "ada", &["68ee"], Some(1001), 1)]).await;
    let batch = [gone("68ee", None, 2), gone("db|68ee", None, 3)];
    assert_eq!(database.apply(&batch).await, [Applied; 2]);
    assert_eq!(database.count("select count(*) from source_record").await, 1);
}

#[tokio::test]
async fn an_earlier_refetch_under_the_bare_id_is_refused_like_any_other() {
    let database = Database::start().await;
    database.apply(&[naming("db|68ee", "ada", &["68ee"], Some(1001), 5)]).await;
    assert_eq!(database.apply(&[gone("68ee", Some(2001), 4)]).await, [Unchanged]);
    assert_eq!(live(&database).await, ["db|68ee"]);
}

#[tokio::test]
async fn a_deletion_of_a_linked_identity_does_not_reach_the_person_it_was_linked_to() {
    let database = Database::start().await;
    database.apply(&[naming(PRIMARY, "p", &["p", "s"], Some(1001), 1)]).await;
    assert_eq!(database.apply(&[gone("s", Some(2001), 2)]).await, [Applied]);
    assert_eq!(live(&database).await, [PRIMARY]);

    // Unless the record of its own is there too: then that one is meant.
    database.apply(&[naming(SECONDARY, "s", &["s"], Some(1001), 3)]).await;
    database.apply(&[gone("s", Some(2001), 4)]).await;
    assert_eq!(live(&database).await, [PRIMARY]);
}

#[tokio::test]
async fn a_bare_id_that_fits_two_records_reaches_neither() {
    let database = Database::start().await;
    database
        .apply(&[naming("db|7", "a", &["7"], Some(1001), 1), naming("social|7", "b", &["7"], Some(1001), 2)])
        .await;
    database.apply(&[gone("7", Some(2001), 3)]).await;
    assert_eq!(live(&database).await, ["db|7", "social|7"]);
}

#[tokio::test]
async fn a_record_with_that_very_id_is_meant_before_any_identity() {
    let database = Database::start().await;
    database
        .apply(&[naming("7", "a", &["x"], Some(1001), 1), naming("db|7", "b", &["7"], Some(1001), 2)])
        .await;
    database.apply(&[gone("7", Some(2001), 3)]).await;
    assert_eq!(live(&database).await, ["db|7"]);
}

#[tokio::test]
async fn another_source_s_identities_are_never_meant() {
    let database = Database::start().await;
    database.store.apply_person_readings(CRM, &[naming("db|7", "b", &["7"], Some(1001), 1)]).await.unwrap();
    database.apply(&[gone("7", Some(2001), 3)]).await;
    assert_eq!(live(&database).await, ["db|7"]);
    assert_eq!(
        database.texts("select external_id from source_record where gone_at is not null").await,
        ["7"]
    );
}

#[tokio::test]
async fn a_connection_that_becomes_known_is_stored() {
    let database = Database::start().await;
    for (version, connection) in [(1001, None), (1002, Some("Staff")), (1003, Some("Partners"))] {
        let mut reading = naming("a", &format!("{version}"), &["1"], Some(version), version);
        let RecordState::Present { identities, .. } = &mut reading.state else { panic!("present") };
        identities[0].connection = connection.map(String::from);
        database.apply(&[reading]).await;
        let stored = database.texts("select coalesce(connection, '') from identity").await;
        assert_eq!(stored, [connection.unwrap_or_default()]);
    }
}

#[tokio::test]
async fn an_account_with_the_same_subject_at_another_provider_is_not_merged() {
    let database = Database::start().await;
    database.apply(&[naming(SECONDARY, "s", &[], Some(1001), 1)]).await;
    database.apply(&[naming(PRIMARY, "p", &["p", "s"], Some(1001), 2)]).await;
    database.apply(&[gone(SECONDARY, Some(2001), 3)]).await;
    assert_eq!(database.texts("select status from person order by 1").await, ["active", "deleted"]);
}

#[tokio::test]
async fn an_account_that_is_still_there_is_not_merged_into_the_one_that_names_it() {
    let database = Database::start().await;
    database.apply(&[naming("db|s", "s", &["s"], Some(1001), 1)]).await;
    database.apply(&[naming("db|p", "p", &["p", "s"], Some(1001), 2)]).await;
    assert_eq!(database.count("select count(*) from link_review").await, 0);
    assert_eq!(database.texts("select status from person").await, ["active", "active"]);
    database.apply(&[gone("db|s", Some(2001), 3)]).await;
    assert_eq!(database.texts("select status from person order by 1").await, ["active", "merged"]);
}
