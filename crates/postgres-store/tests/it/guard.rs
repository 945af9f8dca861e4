//! The guard as a table: sequences of readings of one record, the result of each, and the stored state after them.

use postgres_store::ReadingResult::{Applied, Unchanged};
use postgres_store::{LARGEST_LAG, PersonReading, ReadingResult, RecordState, RefetchTicket};

use crate::IDP;
use crate::database::{Database, at, found, gone};
use crate::link_faults::blocked;

struct Step(PersonReading, ReadingResult);

/// The stored state: content if any, version, ticket.
struct End(Option<&'static str>, Option<i64>, i64);

fn sees(content: &str, version: i64, ticket: i64, result: ReadingResult) -> Step {
    Step(found("", content, Some(version), ticket), result)
}

fn sees_unversioned(content: &str, ticket: i64, result: ReadingResult) -> Step {
    Step(found("", content, None, ticket), result)
}

fn misses(version: Option<i64>, ticket: i64, result: ReadingResult) -> Step {
    Step(gone("", version, ticket), result)
}

/// The source did not find it, and did not say that it was deleted.
fn loses(ticket: i64, result: ReadingResult) -> Step {
    let state = RecordState::Gone { merged_into: None, proved: false };
    Step(PersonReading { state, ..gone("", None, ticket) }, result)
}

/// A name, the readings with their results, and the stored state after them.
type Case = (&'static str, Vec<Step>, End);

/// Readings of a present record. Versions that are not whole thousands have a fraction of a second.
#[rustfmt::skip]
fn present_cases() -> Vec<Case> {
    vec![
        ("a newer version wins, though begun earlier",
            vec![sees("a", 1001, 5, Applied), sees("b", 1002, 3, Applied)], End(Some("b"), Some(1002), 5)),
        ("an older version loses, though begun later",
            vec![sees("b", 1002, 3, Applied), sees("a", 1001, 5, Unchanged)], End(Some("b"), Some(1002), 3)),
        ("on a tie the later refetch wins",
            vec![sees("a", 1001, 3, Applied), sees("b", 1001, 5, Applied)], End(Some("b"), Some(1001), 5)),
        ("on a tie the earlier refetch loses",
            vec![sees("b", 1001, 5, Applied), sees("a", 1001, 3, Unchanged)], End(Some("b"), Some(1001), 5)),
        ("without versions the later refetch wins",
            vec![sees_unversioned("a", 3, Applied), sees_unversioned("b", 5, Applied)], End(Some("b"), None, 5)),
        ("without versions the earlier refetch loses",
            vec![sees_unversioned("b", 5, Applied), sees_unversioned("a", 3, Unchanged)], End(Some("b"), None, 5)),
        ("the same again, finer than a second, does not even move the ticket",
            vec![sees("a", 1001, 3, Applied), sees("a", 1001, 5, Unchanged)], End(Some("a"), Some(1001), 3)),
        ("the same again in whole seconds moves the ticket",
            vec![sees("a", 1000, 3, Applied), sees("a", 1000, 5, Unchanged)], End(Some("a"), Some(1000), 5)),
        ("so that an earlier refetch from within that second loses",
            vec![sees("b", 1000, 3, Applied), sees("b", 1000, 5, Unchanged), sees("a", 1000, 4, Unchanged)],
            End(Some("b"), Some(1000), 5)),
        ("the same again without versions moves the ticket",
            vec![sees_unversioned("a", 3, Applied), sees_unversioned("a", 5, Unchanged)], End(Some("a"), None, 5)),
        ("the same content in a newer version moves the version, and is no change",
            vec![sees("a", 1001, 3, Applied), sees("a", 1002, 5, Unchanged)], End(Some("a"), Some(1002), 5)),
        ("nor is it when its refetch began earlier",
            vec![sees("a", 1001, 5, Applied), sees("a", 1002, 3, Unchanged)], End(Some("a"), Some(1002), 5)),
        ("a source that begins to have versions is ordered by them",
            vec![sees_unversioned("a", 3, Applied), sees("a", 1001, 5, Unchanged), sees("b", 900, 7, Unchanged)],
            End(Some("a"), Some(1001), 5)),
        ("a source that stops having versions is ordered by tickets, and the version stays",
            vec![sees("a", 1001, 3, Applied), sees_unversioned("b", 5, Applied), sees_unversioned("c", 4, Unchanged)],
            End(Some("b"), Some(1001), 5)),
    ]
}

/// Readings with deletions.
#[rustfmt::skip]
fn deletion_cases() -> Vec<Case> {
    vec![
        ("a later refetch that finds nothing leaves a tombstone, at the version of the deletion",
            vec![sees("a", 1001, 3, Applied), misses(Some(2002), 5, Applied)], End(None, Some(2002), 5)),
        ("a tombstone that does not know when stands at the last version",
            vec![sees("a", 1001, 3, Applied), misses(None, 5, Applied)], End(None, Some(1001), 5)),
        ("an earlier refetch that found nothing leaves none, whatever its version",
            vec![sees("a", 1001, 5, Applied), misses(Some(2002), 3, Unchanged)], End(Some("a"), Some(1001), 5)),
        ("a second deletion is no change and moves the tombstone on",
            vec![misses(Some(2002), 3, Applied), misses(Some(3003), 5, Unchanged), misses(Some(9009), 4, Unchanged)],
            End(None, Some(3003), 5)),
        ("so that a return from between the two cannot lift it",
            vec![misses(Some(2002), 3, Applied), misses(None, 9, Unchanged), sees("a", 2502, 7, Unchanged)],
            End(None, Some(2002), 9)),
        ("a deletion from before the version that stands is believed, and that version lifts it again",
            vec![sees("a", 3003, 1, Applied), misses(Some(2002), 2, Applied), sees("a", 3003, 3, Applied)],
            End(Some("a"), Some(3003), 3)),
        ("a late event of an older deletion does not move a tombstone back in time",
            vec![misses(Some(2002), 1, Applied), misses(Some(1001), 2, Unchanged), sees("a", 1502, 3, Unchanged)],
            End(None, Some(2002), 2)),
        ("a later refetch with a newer version lifts a tombstone",
            vec![sees("a", 1001, 3, Applied), misses(Some(2002), 5, Applied), sees("b", 3003, 7, Applied)],
            End(Some("b"), Some(3003), 7)),
        ("also with the content of before",
            vec![sees("a", 1001, 3, Applied), misses(Some(2002), 5, Applied), sees("a", 3003, 7, Applied)],
            End(Some("a"), Some(3003), 7)),
        ("a stale replica does not lift it",
            vec![sees("a", 1001, 3, Applied), misses(Some(2002), 5, Applied), sees("a", 1001, 7, Unchanged),
                 sees("b", 2002, 8, Unchanged)],
            End(None, Some(2002), 5)),
        ("nor does one when it is unknown when the record went",
            vec![sees("a", 1001, 3, Applied), misses(None, 5, Applied), sees("a", 1001, 7, Unchanged)],
            End(None, Some(1001), 5)),
        ("but a deletion that the source did not state is lifted by any later reading",
            vec![sees("a", 1001, 3, Applied), loses(5, Applied), sees("a", 1001, 4, Unchanged),
                 sees("a", 1001, 7, Applied)],
            End(Some("a"), Some(1001), 7)),
        ("and a statement makes it a proof",
            vec![sees("a", 1001, 3, Applied), loses(5, Applied), misses(Some(2002), 6, Unchanged),
                 sees("a", 1001, 7, Unchanged)],
            End(None, Some(2002), 6)),
        ("which a later answer without one does not take back",
            vec![sees("a", 1001, 3, Applied), misses(Some(2002), 5, Applied), loses(6, Unchanged),
                 sees("a", 1001, 7, Unchanged)],
            End(None, Some(2002), 6)),
        ("nor does an earlier refetch, however new its version",
            vec![misses(Some(2002), 5, Applied), sees("b", 3003, 4, Unchanged)], End(None, Some(2002), 5)),
        ("without versions a later refetch lifts it",
            vec![sees_unversioned("a", 3, Applied), misses(None, 5, Applied), sees_unversioned("a", 4, Unchanged),
                 sees_unversioned("a", 7, Applied)],
            End(Some("a"), None, 7)),
        ("a record that was gone before it was read can be created later",
            vec![misses(Some(2002), 3, Applied), sees("a", 3003, 5, Applied)], End(Some("a"), Some(3003), 5)),
        ("also when it is unknown when it went",
            vec![misses(None, 3, Applied), sees("a", 1001, 5, Applied)], End(Some("a"), Some(1001), 5)),
        ("the very same reading twice is one",
            vec![sees("a", 1000, 3, Applied), sees("a", 1000, 3, Unchanged), misses(None, 4, Applied),
                 misses(None, 4, Unchanged)],
            End(None, Some(1000), 4)),
    ]
}

#[tokio::test]
async fn each_reading_has_the_result_of_the_table() {
    let database = Database::start().await;
    for (name, steps, End(content, version, ticket)) in present_cases().into_iter().chain(deletion_cases()) {
        for (number, Step(mut reading, expected)) in steps.into_iter().enumerate() {
            name.clone_into(&mut reading.external_id);
            let result = database.apply(&[reading]).await;
            assert_eq!(result, [expected], "{name}: step {number}");
        }
        let row: (Option<String>, Option<time::OffsetDateTime>, i64, bool) = sqlx::query_as(
            "select record ->> 'content', version_at, ticket, gone_at is not null from source_record \
             where external_id = $1",
        )
        .bind(name)
        .fetch_one(&database.pool)
        .await
        .unwrap();
        let expected = (content.map(str::to_owned), version.map(at), ticket, content.is_none());
        assert_eq!(row, expected, "{name}: the end");
    }
}

/// The event of an earlier deletion came while the source did not find the record, or the record was restored.
#[tokio::test]
async fn a_record_that_is_there_as_it_was_deleted_lifts_its_tombstone_after_the_largest_lag() {
    let database = Database::start().await;
    let id = [found("", "a", None, 0).external_id];
    let pass = async |seconds: u64| {
        let pass = format!("update source_record set read_at = read_at - interval '{seconds} seconds'");
        sqlx::query(sqlx::AssertSqlSafe(pass)).execute(&database.pool).await.unwrap();
    };
    let deleted_as = async || {
        let tickets = database.store.draw_refetch_tickets(IDP.name, &id).await.unwrap();
        tickets[0].deleted_as
    };
    database.apply(&[found("", "a", Some(1001), 1)]).await;
    database.apply(&[gone("", None, 2)]).await;
    assert_eq!(deleted_as().await, Some(at(1001)));
    assert_eq!(database.apply(&[found("", "a", Some(1001), 3)]).await, [Unchanged]);
    let lag = LARGEST_LAG.as_secs();
    pass(lag - 5).await;
    assert_eq!(
        database.apply(&[gone("", None, 4)]).await,
        [Unchanged],
        "a second deletion begins the time again"
    );
    pass(lag - 5).await;
    assert_eq!(deleted_as().await, Some(at(1001)));
    pass(6).await;
    assert_eq!(deleted_as().await, None);
    assert_eq!(database.apply(&[found("", "b", Some(900), 5)]).await, [Unchanged], "an older state");
    assert_eq!(
        database.apply(&[found("", "a", Some(1001), 3)]).await,
        [Unchanged],
        "it began before the deletion"
    );
    assert_eq!(database.apply(&[found("", "a", Some(1001), 6)]).await, [Applied]);
    assert_eq!(deleted_as().await, None);
}

#[tokio::test]
async fn a_tombstone_keeps_the_time_of_the_first_deletion_and_nothing_personal() {
    let database = Database::start().await;
    // No word that a UUID could spell.
    database.apply(&[found("a", "signe", Some(1001), 1)]).await;
    database.apply(&[gone("a", None, 2)]).await;
    let before = database.texts("select gone_at::text from source_record").await;
    database.apply(&[gone("a", None, 3)]).await;
    assert_eq!(database.texts("select gone_at::text from source_record").await, before);
    for table in ["person", "source_record", "identity", "outbox"] {
        let named =
            database.count(&format!("select count(*) from {table} row where row::text like '%signe%'")).await;
        assert_eq!(named, 0, "{table}");
    }
}

/// A reading that began before the record's last change, and is written after a later one was answered "not modified".
#[tokio::test]
async fn a_not_modified_answer_fences_like_a_reading() {
    for version in [None, Some(1000)] {
        let db = Database::start().await;
        let reading = |content: &str, ticket| PersonReading {
            etag: Some(content.to_owned()),
            ..found("", content, version, ticket)
        };
        let read = async |content: &str, ticket| db.apply(&[reading(content, ticket)]).await;
        let confirm = async |known_etag: &str, number| {
            let ticket = RefetchTicket {
                number,
                known_etag: Some(known_etag.to_owned()),
                known_version: version.map(at),
                deleted_as: None,
                read_is_due: false,
            };
            db.store.confirm_unmodified(IDP.name, &[(reading("", 0).external_id, ticket)]).await.unwrap()
        };
        read("new", 11).await;
        assert_eq!(confirm("new", 20).await, [true]);
        assert_eq!(read("old", 15).await, [Unchanged], "it began before what was called unmodified");

        // The other way round: it is written before, so that what was known is not what stands.
        assert_eq!(read("older", 25).await, [Applied]);
        assert_eq!(confirm("new", 30).await, [false], "to be read again");
        assert_eq!(confirm("new", 24).await, [true], "what stands was read later");
        assert_eq!(read("new", 31).await, [Applied]);
    }
}

/// A transaction that is writing the row is waited for.
#[tokio::test]
async fn a_not_modified_answer_is_compared_with_a_row_that_another_pod_is_writing() {
    let db = Database::start().await;
    let known = PersonReading { etag: Some(String::from("new")), ..found("", "new", None, 11) };
    let id = known.external_id.clone();
    db.apply(&[known]).await;
    let mut other = db.pool.begin().await.unwrap();
    let older = "update source_record set etag = 'old', ticket = 15";
    sqlx::query(older).execute(&mut *other).await.unwrap();
    let ticket = RefetchTicket {
        number: 20,
        known_etag: Some(String::from("new")),
        known_version: None,
        deleted_as: None,
        read_is_due: false,
    };
    let store = db.store.clone();
    let confirming =
        tokio::spawn(async move { store.confirm_unmodified(IDP.name, &[(id, ticket)]).await.unwrap() });
    blocked(&db, 1).await;
    other.commit().await.unwrap();
    assert_eq!(confirming.await.unwrap(), [false], "to be read again");
}

#[tokio::test]
async fn versions_finer_than_a_second_fence_by_themselves() {
    let db = Database::start().await;
    db.apply(&[found("", "a", Some(1001), 3)]).await;
    let ticket = RefetchTicket {
        number: 9,
        known_etag: None,
        known_version: Some(at(1001)),
        deleted_as: None,
        read_is_due: false,
    };
    let id = found("", "a", None, 0).external_id;
    assert_eq!(db.store.confirm_unmodified(IDP.name, &[(id, ticket)]).await.unwrap(), [true]);
    assert_eq!(db.count("select ticket from source_record").await, 3, "nothing was written");
}

#[tokio::test]
async fn an_earlier_not_modified_answer_does_not_move_the_ticket_back() {
    let database = Database::start().await;
    let reading = PersonReading { etag: Some(String::from("1")), ..found("a", "ada", None, 1) };
    database.apply(&[reading]).await;
    for number in [9, 5] {
        let ticket = RefetchTicket {
            number,
            known_etag: Some(String::from("1")),
            known_version: None,
            deleted_as: None,
            read_is_due: false,
        };
        let confirmed = database.store.confirm_unmodified(IDP.name, &[(String::from("a"), ticket)]).await;
        assert_eq!(confirmed.unwrap(), [true]);
        assert_eq!(database.count("select ticket from source_record").await, 9);
    }
}
