//! What a batch of readings writes, and what it does not.

use authority::Role;
use event_contract::EventKind;
use postgres_store::ReadingResult::{Applied, Unchanged};
use postgres_store::{RecordState, Source};

use serde_json::json;

use crate::database::{Database, found, gone, naming, open};
use crate::{CRM, IDP, SOURCE};

const PERSON_OF: &str = "select person_id::text from source_record where external_id = ";

#[tokio::test]
async fn an_unchanged_record_writes_no_row() {
    let database = Database::start().await;
    let batch: Vec<_> = ["a", "b", "c"].map(|id| naming(id, id, &["1", id], Some(1001), 1)).into();
    assert_eq!(database.apply(&batch).await, [Applied; 3]);
    let before = database.row_versions().await;
    assert_eq!(before.len(), 3 + 3 + 6 + 3);

    let again: Vec<_> = ["a", "b", "c"].map(|id| naming(id, id, &["1", id], Some(1001), 9)).into();
    assert_eq!(database.apply(&again).await, [Unchanged; 3]);
    let older: Vec<_> = ["a", "b"].map(|id| naming(id, "older", &[], Some(1000), 10)).into();
    assert_eq!(database.apply(&older).await, [Unchanged; 2]);
    assert_eq!(database.apply(&[]).await, []);
    assert_eq!(database.row_versions().await, before);
}

#[tokio::test]
async fn only_the_record_is_written_if_the_person_is_unchanged() {
    let database = Database::start().await;
    database.apply(&[naming("a", "ada", &["1"], Some(1001), 1)]).await;
    database.execute("update source_record set content_hash = 'another'").await;
    let persons =
        "select xmin::text || ctid::text from person union all select xmin::text || ctid::text from identity";
    let before = database.texts(persons).await;

    assert_eq!(database.apply(&[naming("a", "ada", &["1"], Some(1002), 2)]).await, [Applied]);
    assert_eq!(database.texts(persons).await, before);
    assert_eq!(database.count("select count(*) from outbox").await, 1, "nothing more is announced");
}

#[tokio::test]
async fn a_person_keeps_its_id_through_changes_deletion_and_return() {
    let database = Database::start().await;
    database.apply(&[found("a", "one", Some(1001), 1)]).await;
    let person = database.texts(&format!("{PERSON_OF}'a'")).await;
    for reading in
        [found("a", "two", Some(1002), 2), gone("a", Some(2001), 3), found("a", "three", Some(3001), 4)]
    {
        assert_eq!(database.apply(&[reading]).await, [Applied]);
        assert_eq!(database.texts(&format!("{PERSON_OF}'a'")).await, person);
    }
    let rows =
        database.texts("select person_id::text || status || email || revision from person_profile").await;
    assert_eq!(rows, [format!("{}activethree@example.org4", person[0])]);
}

#[tokio::test]
async fn a_record_that_was_gone_first_has_a_person_from_its_return_on() {
    let database = Database::start().await;
    assert_eq!(database.apply(&[gone("a", None, 1)]).await, [Applied]);
    assert_eq!(database.count("select count(*) from person").await, 0);
    assert_eq!(database.count("select count(*) from outbox").await, 0, "there is no person to announce");
    assert_eq!(database.apply(&[found("a", "ada", Some(1001), 2)]).await, [Applied]);
    assert_eq!(database.count("select count(*) from person join source_record using (person_id)").await, 1);
}

#[tokio::test]
async fn each_change_of_a_person_is_announced_at_its_revision_with_its_cause() {
    let database = Database::start().await;
    let readings = [found("a", "one", Some(1001), 1), found("a", "two", Some(1002), 2), gone("a", None, 3)];
    for reading in &readings {
        database.apply(std::slice::from_ref(reading)).await;
    }
    let leased = database.store.lease_announcements(9, std::time::Duration::from_secs(60)).await.unwrap();
    let person = database.texts(&format!("{PERSON_OF}'a'")).await;
    assert_eq!(leased.len(), 3);
    for ((row, reading), revision) in leased.iter().zip(&readings).zip(1..) {
        assert_eq!(row.kind, EventKind::PersonChanged);
        assert_eq!(row.announcement.entity_id.to_string(), person[0]);
        assert_eq!(row.announcement.revision, revision);
        assert_eq!(row.announcement.cause, reading.announce.cause);
        assert_eq!(row.announcement.hop, reading.announce.hop);
        assert_eq!(row.announcement.traceparent, reading.announce.traceparent);
    }
}

#[tokio::test]
async fn a_reading_s_own_announcement_is_made_once_for_the_record_s_present_person() {
    let database = Database::start().await;
    database.apply(&[found("a", "ada", Some(1001), 1)]).await;
    let person = database.texts(&format!("{PERSON_OF}'a'")).await;
    let verified = |status: &str, ticket| {
        let mut reading = found("case", "", None, ticket);
        let record = json!({ "verification_status": "verified", "decided": status });
        let external_key = Some(person[0].clone());
        reading.state = RecordState::Present { record, external_key, identities: Vec::new() };
        reading.announces = Some(EventKind::IdentityVerified);
        reading
    };
    let identity = Source { name: "verifier", role: Role::Identity };
    // New and linked at once; the same again; another, of which the person shows nothing.
    for (reading, result) in
        [(verified("once", 2), Applied), (verified("once", 3), Unchanged), (verified("twice", 4), Applied)]
    {
        assert_eq!(database.store.apply_person_readings(identity, &[reading]).await.unwrap(), [result]);
    }
    let announced = "select concat_ws(' ', kind, entity_id, revision) from outbox order by event_id";
    let [made, verified] =
        ["PersonChanged", "IdentityVerified"].map(|kind| format!("{kind} {} 1", person[0]));
    assert_eq!(database.texts(announced).await, [made, verified.clone(), verified]);
    let view = "select concat_ws(' ', source, session_id, person_id, verification_status) from verification";
    assert_eq!(database.texts(view).await, [format!("verifier case {} verified", person[0])]);
}

#[tokio::test]
async fn of_two_readings_of_one_record_in_a_batch_the_one_that_the_guard_prefers_is_written() {
    let database = Database::start().await;
    let cases = [
        ("newer version", found("", "kept", Some(1002), 1), found("", "lost", Some(1001), 2)),
        ("later ticket on a tie", found("", "kept", Some(1001), 2), found("", "lost", Some(1001), 1)),
        ("later ticket without versions", found("", "kept", None, 2), found("", "lost", None, 1)),
        ("later ticket if one has no version", found("", "kept", None, 2), found("", "lost", Some(1001), 1)),
        ("present later than gone", found("", "kept", Some(1001), 2), gone("", Some(2001), 1)),
    ];
    for (name, kept, lost) in cases {
        for (order, pair) in [[&kept, &lost], [&lost, &kept]].into_iter().enumerate() {
            let id = format!("{name} {order}");
            let batch = pair.map(|reading| {
                let mut reading = reading.clone();
                reading.external_id.clone_from(&id);
                reading
            });
            assert_eq!(database.apply(&batch).await, [Applied; 2], "{id}");
            let content =
                format!("select record ->> 'content' from source_record where external_id = '{id}'");
            assert_eq!(database.texts(&content).await, ["kept"], "{id}");
        }
    }
    let batch = [gone("z", None, 2), found("z", "lost", Some(1001), 1)];
    database.apply(&batch).await;
    assert_eq!(
        database
            .count("select count(*) from source_record where external_id = 'z' and gone_at is null")
            .await,
        0
    );
}

#[tokio::test]
async fn two_sources_may_use_the_same_id() {
    let database = Database::start().await;
    for source in [IDP, CRM] {
        let results =
            database.store.apply_person_readings(source, &[found("a", source.name, Some(1001), 1)]).await;
        assert_eq!(results.unwrap(), [Applied]);
    }
    assert_eq!(database.count("select count(distinct person_id) from source_record").await, 2);
    assert_eq!(database.count("select count(*) from identity").await, 2);
}

#[tokio::test]
async fn every_field_of_a_profile_reaches_its_column() {
    let database = Database::start().await;
    let mut reading = found("a", "ada", Some(1001), 1);
    let RecordState::Present { record, .. } = &mut reading.state else { panic!("present") };
    *record = json!({
        "email": "ada@example.org", "email_verified": true, "blocked": true, "given_name": "Given", "family_name": "Family",
        "display_name": "Display", "phone": "+15550100", "birthdate": "1970-01-01", "mailing_address": {"city": "Lund"},
    });
    database.apply(&[reading]).await;
    let row = "select concat_ws(' ', status, email, email_verified, given_name, family_name, display_name, phone, \
               birthdate) from person";
    let expected = "blocked ada@example.org t Given Family Display +15550100 1970-01-01";
    assert_eq!(database.texts(row).await, [expected], "only a CRM gives the address");
    let why =
        "select provenance -> 'email' ->> 'source' || ' ' || (provenance -> 'email' ->> 'rule') from person";
    assert_eq!(database.texts(why).await, ["idp sso when verified"]);
}

#[tokio::test]
async fn a_ticket_brings_the_etag_of_a_record_that_is_there_and_none_of_one_that_is_gone() {
    let database = Database::start().await;
    let mut tagged = found("a", "ada", None, 1);
    tagged.etag = Some("W/1".into());
    database.apply(&[tagged.clone(), gone("b", None, 1)]).await;
    let ids = ["b", "a", "nul\0", "a"].map(String::from);
    let tickets = database.store.draw_refetch_tickets(SOURCE, &ids).await.unwrap();
    let etags: Vec<_> = tickets.iter().map(|ticket| ticket.known_etag.as_deref()).collect();
    assert_eq!(etags, [None, Some("W/1"), None, Some("W/1")], "in the order of the IDs");
    let mut numbers: Vec<_> = tickets.iter().map(|ticket| ticket.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "a ticket for each");
    let later = database.store.draw_refetch_tickets(SOURCE, &ids[..1]).await.unwrap();
    assert!(later[0].number > numbers[3]);

    database.apply(&[gone("a", None, 2)]).await;
    let tickets = database.store.draw_refetch_tickets(SOURCE, &ids[1..2]).await.unwrap();
    assert_eq!(tickets[0].known_etag, None);
}

#[tokio::test]
async fn tickets_rise_over_all_connections() {
    let database = Database::start().await;
    let pods = [open(&database.url), open(&database.url)];
    let mut last = 0;
    for pod in pods.iter().cycle().take(6) {
        let drawn = pod.draw_refetch_tickets(SOURCE, &[String::from("a")]).await.unwrap();
        assert!(drawn[0].number > last, "{} after {last}", drawn[0].number);
        last = drawn[0].number;
    }
}
