//! Links where they meet: several records of one batch with one key, and keys of records that are being moved.

use event_contract::{EventKind, Hop, TraceContext};
use local_stack::wait_until;
use postgres_store::{
    Announce, Identity, LinkCommand, LinkRefusal, Move, PersonKey, PersonReading, RecordState, Source, Write,
};
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::database::{Database, apply_config, gone, open};
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

/// Longest wait for a condition.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

pub(crate) fn announce() -> Announce {
    Announce { cause: Uuid::now_v7(), hop: Hop::OUTSIDE.next().unwrap(), traceparent: TraceContext::start() }
}

pub(crate) async fn decide(database: &Database, source: &str, id: &str, wanted: Move) {
    let command = LinkCommand {
        source: source.to_owned(),
        external_id: id.to_owned(),
        wanted,
        author: "Ada".parse().unwrap(),
        note: String::new(),
        announce: announce(),
    };
    // Again if it lost a race, as its author would.
    while let Err(error) = database.store.decide_link(&command, Write::if_wanted(true).as_ref()).await {
        assert!(matches!(error, LinkRefusal::Store(_)), "{error}");
    }
}

pub(crate) async fn person_of(database: &Database, source: &str, id: &str) -> Uuid {
    let key = PersonKey::Record { source: source.to_owned(), external_id: id.to_owned() };
    database.store.view_person(&key).await.unwrap().unwrap().person.person_id
}

pub(crate) fn account(id: &str, subjects: &[&str], version: i64, ticket: i64) -> PersonReading {
    let mut reading = saying(id, None, verified(&format!("{}@idp", &id[3..])), version, ticket);
    let RecordState::Present { identities, record, .. } = &mut reading.state else { panic!() };
    *identities = subjects
        .iter()
        .map(|s| Identity { provider: "db".into(), subject: (*s).into(), connection: None })
        .collect();
    record["identities"] = json!(subjects);
    reading
}

/// Waits until so many of the store's statements wait for a lock.
pub(crate) async fn blocked(database: &Database, count: i64) {
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'coppice' and datname = current_database()";
    let question = async || Ok((database.count(waiting).await >= count).then_some(()));
    wait_until(LIMIT, "statements to wait", question).await.unwrap();
}

/// Locks the row of a person, so that the next statement that locks it waits.
pub(crate) async fn hold(database: &Database, person: Uuid) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut hold = database.pool.begin().await.unwrap();
    let lock = sqlx::query("select 1 from person where person_id = $1 for update").bind(person);
    lock.execute(&mut *hold).await.unwrap();
    hold
}

/// Applies a reading in a task, as a worker does: again if it lost a race.
pub(crate) fn at_the_side(
    database: &Database,
    source: Source<'static>,
    reading: PersonReading,
) -> JoinHandle<()> {
    let store = open(&database.url);
    tokio::spawn(async move {
        while store.apply_person_readings(source, std::slice::from_ref(&reading)).await.is_err() {}
    })
}

#[tokio::test]
async fn two_new_records_of_one_batch_go_to_the_person_whose_key_they_have() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    let p = person_of(&db, "idp", "db|a").await;
    let case = |id: &str, t| {
        let mut r = saying(
            id,
            Some(&p.to_string()),
            json!({"given_name": id, "verification_status": "verified"}),
            1001,
            t,
        );
        r.announces = Some(EventKind::IdentityVerified);
        r
    };
    db.store.apply_person_readings(VERIFIER, &[case("v1", 2), case("v2", 3)]).await.unwrap();
    assert_eq!(person_of(&db, "verifier", "v1").await, p);
}

#[tokio::test]
async fn three_new_records_of_one_batch_with_one_key_are_one_person() {
    let db = Database::start().await;
    let case = |id: &str, t| {
        saying(id, Some("K"), json!({"given_name": id, "verification_status": "verified"}), 1001, t)
    };
    db.store.apply_person_readings(VERIFIER, &[case("v1", 2), case("v2", 3), case("v3", 4)]).await.unwrap();
    assert_eq!(db.count("select count(distinct person_id) from source_record").await, 1);
}

#[tokio::test]
async fn a_record_goes_to_the_person_it_names_though_another_leaves_that_one() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    let contact = |id: &str, key: Uuid, v, t| {
        saying(id, Some(&key.to_string()), json!({"phone": id, "external_key": key.to_string()}), v, t)
    };
    apply(&db, CRM, contact("c1", a, 1001, 3)).await;
    // In the CRM c1 is corrected to be b's, and a gets its own contact.
    db.store
        .apply_person_readings(CRM, &[contact("c1", b, 1002, 4), contact("c2", a, 1002, 5)])
        .await
        .unwrap();
    assert_eq!(person_of(&db, "crm", "c2").await, a);
}

#[tokio::test]
async fn separated_persons_stay_separate_whichever_gets_the_key() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    let u = person_of(&db, "idp", "u").await;
    decide(&db, "crm", "c", Move::Separate(u)).await;
    apply(&db, CRM, saying("c", Some("P-1"), json!({"phone": "+2"}), 1002, 3)).await;
    apply(&db, IDP, saying("u", Some("P-1"), json!({"email": "a@idp", "given_name": "New"}), 1002, 4)).await;
    assert_ne!(person_of(&db, "idp", "u").await, person_of(&db, "crm", "c").await);
}

#[tokio::test]
async fn two_records_that_get_one_key_in_one_batch_are_one_person() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", Some("K"), verified("a@idp"), 1001, 1)).await;
    apply(&db, VERIFIER, saying("v1", None, json!({"n": 1}), 1001, 2)).await;
    apply(&db, VERIFIER, saying("v2", None, json!({"n": 1}), 1001, 3)).await;
    db.store
        .apply_person_readings(
            VERIFIER,
            &[
                saying("v1", Some("K"), json!({"n": 2}), 1002, 4),
                saying("v2", Some("K"), json!({"n": 2}), 1002, 5),
            ],
        )
        .await
        .unwrap();
    assert_eq!(db.count("select count(distinct person_id) from source_record").await, 1);
}

#[tokio::test]
async fn the_newest_record_decides_also_with_the_same_content() {
    let db = Database::start().await;
    let c = |id: &str, phone: &str, v, t| saying(id, Some("K"), json!({"phone": phone}), v, t);
    apply(&db, CRM, c("c1", "+1", 1001, 1)).await;
    apply(&db, CRM, c("c2", "+2", 1002, 2)).await;
    apply(&db, CRM, c("c1", "+1", 1003, 3)).await;
    let row = "select phone from person_profile where status <> 'merged'";
    let before = db.texts(row).await;
    apply_config(&db.store, "", 10).await;
    assert_eq!(before, db.texts(row).await);
}

#[tokio::test]
async fn a_key_of_a_record_that_is_being_moved_leads_to_where_it_goes() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    apply(&db, VERIFIER, saying("v", Some("K"), json!({"verification_status": "verified"}), 1001, 3)).await;
    decide(&db, "verifier", "v", Move::Link(a)).await;
    db.execute("update link_decision set author = 'coppice:verifier'").await;
    apply(&db, IDP, gone("db|a", Some(2001), 3)).await;
    let lock = hold(&db, b).await;
    let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 4));
    blocked(&db, 1).await;
    let contact = at_the_side(&db, CRM, saying("c", Some("K"), json!({"phone": "+1"}), 1001, 5));
    blocked(&db, 2).await;
    lock.commit().await.unwrap();
    merge.await.unwrap();
    contact.await.unwrap();
    assert_eq!(person_of(&db, "crm", "c").await, b);
}

#[tokio::test]
async fn a_verification_that_is_linked_later_is_announced_for_its_person() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    let mut r = saying("v", None, json!({"given_name": "V", "verification_status": "verified"}), 1001, 2);
    r.announces = Some(EventKind::IdentityVerified);
    apply(&db, VERIFIER, r).await;
    decide(&db, "verifier", "v", Move::Link(u)).await;
    let n = db
        .count(&format!("select count(*) from outbox where kind = 'IdentityVerified' and entity_id = '{u}'"))
        .await;
    assert_eq!(n, 1);
}

#[tokio::test]
async fn the_newest_account_decides_also_with_the_same_content() {
    let db = Database::start().await;
    let account = |id: &str, phone: &str, v, t| saying(id, Some("K"), json!({"phone": phone}), v, t);
    let phone = async || db.texts("select phone from person_profile where status <> 'merged'").await;
    apply(&db, IDP, account("u1", "+1", 1001, 1)).await;
    apply(&db, IDP, account("u2", "+2", 1002, 2)).await;
    assert_eq!(phone().await, ["+2"]);
    apply(&db, IDP, account("u1", "+1", 1003, 3)).await;
    assert_eq!(phone().await, ["+1"]);
}

#[tokio::test]
async fn a_new_record_of_a_batch_that_is_linked_elsewhere_is_no_evidence_for_another() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", Some("K"), verified("u@idp"), 1001, 1)).await;
    // Both have one address, and the key links the first to a person who exists.
    let batch = [
        saying("a", Some("K"), verified("new@idp"), 1001, 2),
        saying("b", None, verified("new@idp"), 1001, 3),
    ];
    db.store.apply_person_readings(IDP, &batch).await.unwrap();
    let person = person_of(&db, "idp", "u").await;
    assert_eq!(person_of(&db, "idp", "a").await, person);
    assert_ne!(person_of(&db, "idp", "b").await, person);
}

#[tokio::test]
async fn a_link_moves_no_record_of_another_source_with_the_same_id() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", Some("K"), verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("x", None, json!({"phone": "+1"}), 1001, 2)).await;
    apply(&db, VERIFIER, saying("x", Some("K"), json!({"verification_status": "failed"}), 1001, 3)).await;
    let person = person_of(&db, "idp", "u").await;
    assert_eq!(person_of(&db, "verifier", "x").await, person);
    assert_ne!(person_of(&db, "crm", "x").await, person);
}
