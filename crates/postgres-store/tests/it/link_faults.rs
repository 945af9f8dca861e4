//! Links, merges, decisions and the CRM's contacts where they meet: in one batch, at the same time, one after the other.

use event_contract::{EventKind, Hop, TraceContext};
use local_stack::wait_until;
use postgres_store::Source;
use postgres_store::{
    Announce, Identity, LinkCommand, LinkRefusal, Move, PersonKey, PersonReading, RecordState, Write,
    WrittenContact, told_hash,
};
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::database::{Database, gone, open};
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

/// Longest that anything is waited for.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

fn announce() -> Announce {
    Announce { cause: Uuid::now_v7(), hop: Hop::OUTSIDE.next().unwrap(), traceparent: TraceContext::start() }
}

async fn decide(database: &Database, source: &str, id: &str, wanted: Move) {
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

async fn person_of(database: &Database, source: &str, id: &str) -> Uuid {
    let key = PersonKey::Record { source: source.to_owned(), external_id: id.to_owned() };
    database.store.view_person(&key).await.unwrap().unwrap().person.person_id
}

fn account(id: &str, subjects: &[&str], version: i64, ticket: i64) -> PersonReading {
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
async fn blocked(database: &Database, count: i64) {
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'coppice'";
    let question = async || Ok((database.count(waiting).await >= count).then_some(()));
    wait_until(LIMIT, "statements to wait", question).await.unwrap();
}

/// Holds the row of a person, so that whoever is to lock it waits.
async fn hold(database: &Database, person: Uuid) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut hold = database.pool.begin().await.unwrap();
    let lock = sqlx::query("select 1 from person where person_id = $1 for update").bind(person);
    lock.execute(&mut *hold).await.unwrap();
    hold
}

/// Applies a reading at the side, as a worker does: again if it lost a race.
fn at_the_side(database: &Database, source: Source<'static>, reading: PersonReading) -> JoinHandle<()> {
    let store = open(&database.url);
    tokio::spawn(async move {
        while store.apply_person_readings(source, std::slice::from_ref(&reading)).await.is_err() {}
    })
}

#[tokio::test]
async fn a_key_of_a_person_who_was_merged_twice_leads_to_the_last() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, IDP, account("db|c", &["c"], 1001, 3)).await;
    let p = person_of(&db, "idp", "db|a").await;
    let case = |n: &str, v, t| {
        saying(
            "case",
            Some(&p.to_string()),
            json!({"given_name": n, "verification_status": "verified"}),
            v,
            t,
        )
    };
    apply(&db, VERIFIER, case("Ada", 1001, 4)).await;
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
    apply(&db, IDP, gone("db|b", Some(2001), 7)).await;
    apply(&db, IDP, account("db|c", &["c", "b", "a"], 1002, 8)).await;
    let c = person_of(&db, "idp", "db|c").await;
    assert_eq!(person_of(&db, "verifier", "case").await, c);
    apply(&db, VERIFIER, case("Adah", 1002, 9)).await;
    assert_eq!(person_of(&db, "verifier", "case").await, c);
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
    // In the CRM c1 is corrected to be b's, and a's own contact is made.
    db.store
        .apply_person_readings(CRM, &[contact("c1", b, 1002, 4), contact("c2", a, 1002, 5)])
        .await
        .unwrap();
    assert_eq!(person_of(&db, "crm", "c2").await, a);
}

#[tokio::test]
async fn what_was_told_apart_stays_apart_whichever_gets_the_key() {
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
async fn an_account_that_may_be_a_contact_s_is_under_review() {
    let db = Database::start().await;
    apply(&db, CRM, saying("c1", Some("K"), json!({"phone": "+1"}), 1001, 1)).await;
    apply(
        &db,
        VERIFIER,
        saying("v", None, json!({"given_name": "V", "verification_status": "verified"}), 1001, 2),
    )
    .await;
    // two persons with one key, as a review leaves it
    decide(&db, "verifier", "v", Move::Separate(person_of(&db, "crm", "c1").await)).await;
    apply(
        &db,
        VERIFIER,
        saying("v", Some("K"), json!({"given_name": "W", "verification_status": "verified"}), 1002, 3),
    )
    .await;
    apply(&db, IDP, saying("u", Some("K"), verified("a@idp"), 1001, 4)).await;
    let u = person_of(&db, "idp", "u").await;
    let view = db.store.crm_views("crm", &[u]).await.unwrap().remove(&u).unwrap();
    assert!(view.under_review || view.contact.is_some());
}

#[tokio::test]
async fn a_review_follows_its_candidate_into_a_merge() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 3)).await;
    apply(
        &db,
        CRM,
        saying("c", None, json!({"phone": "+1", "email": "a@idp", "email_verified": true}), 1002, 4),
    )
    .await;
    let a = person_of(&db, "idp", "db|a").await;
    assert!(db.store.crm_views("crm", &[a]).await.unwrap()[&a].under_review);
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
    let b = person_of(&db, "idp", "db|b").await;
    assert_eq!(db.store.open_link_reviews(9).await.unwrap().len(), 1);
    assert!(db.store.crm_views("crm", &[b]).await.unwrap()[&b].under_review);
}

#[tokio::test]
async fn to_tell_apart_announces_both() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    apply(
        &db,
        CRM,
        saying("c", None, json!({"phone": "+1", "email": "a@idp", "email_verified": true}), 1002, 3),
    )
    .await;
    let u = person_of(&db, "idp", "u").await;
    assert!(db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review);
    let before = db.count("select count(*) from outbox").await;
    decide(&db, "crm", "c", Move::Separate(u)).await;
    assert!(!db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review);
    assert!(db.count("select count(*) from outbox").await > before);
}

#[tokio::test]
async fn a_contact_that_was_taken_away_is_not_written_to_any_more() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    decide(&db, "crm", "c", Move::Link(u)).await;
    // crm-account tells the contact; crm-sync reads the echo.
    let told = WrittenContact {
        person_id: u,
        revision: 2,
        external_id: "c".into(),
        told_hash: told_hash([]),
        announce: announce(),
    };
    db.store.record_crm_accounts("crm", &[told]).await.unwrap();
    apply(
        &db,
        CRM,
        saying(
            "c",
            Some(&u.to_string()),
            json!({"phone": "+1", "email": "a@idp", "external_key": u.to_string()}),
            1002,
            3,
        ),
    )
    .await;
    decide(&db, "crm", "c", Move::Undo).await;
    let view = db.store.crm_views("crm", &[u]).await.unwrap().remove(&u).unwrap();
    assert_ne!(person_of(&db, "crm", "c").await, u);
    assert!(view.contact.is_none() && !view.contact_deleted && !view.under_review);
    assert_eq!(view.told.map(|told| told.external_id), None);
}

#[tokio::test]
async fn a_record_that_arrives_during_a_merge_goes_where_it_leads() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    apply(&db, IDP, gone("db|a", Some(2001), 3)).await;
    // Slow the merge: hold b's row, which the merge locks last (a < b).
    let held = hold(&db, b).await;
    let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 4));
    blocked(&db, 1).await;
    let contact = at_the_side(
        &db,
        CRM,
        saying("c", Some(&a.to_string()), json!({"phone": "+1", "external_key": a.to_string()}), 1001, 5),
    );
    blocked(&db, 2).await;
    held.commit().await.unwrap();
    merge.await.unwrap();
    contact.await.unwrap();
    apply(
        &db,
        CRM,
        saying("c", Some(&a.to_string()), json!({"phone": "+2", "external_key": a.to_string()}), 1002, 6),
    )
    .await;
    assert_eq!(person_of(&db, "crm", "c").await, b);
}

#[tokio::test]
async fn two_merges_at_once_end_at_the_last_person() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, IDP, account("db|c", &["c"], 1001, 3)).await;
    let c = person_of(&db, "idp", "db|c").await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 4)).await;
    apply(&db, IDP, gone("db|b", Some(2001), 5)).await;
    apply(
        &db,
        CRM,
        saying("x", Some(&person_of(&db, "idp", "db|a").await.to_string()), json!({"phone": "+1"}), 1001, 7),
    )
    .await;
    let held = hold(&db, c).await;
    let merge = at_the_side(&db, IDP, account("db|c", &["c", "b", "a"], 1002, 6));
    blocked(&db, 1).await;
    let mut g = gone("db|a", Some(2001), 8);
    g.state = RecordState::Gone { merged_into: Some("db|b".into()) };
    let second = at_the_side(&db, IDP, g);
    blocked(&db, 2).await;
    held.commit().await.unwrap();
    merge.await.unwrap();
    second.await.unwrap();
    assert_eq!(person_of(&db, "crm", "x").await, c);
}

#[tokio::test]
async fn undo_leads_to_whom_the_person_was_merged_into_since() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, IDP, account("db|q", &["q"], 1001, 3)).await;
    let (a, q) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|q").await);
    apply(&db, CRM, saying("c", Some(&a.to_string()), json!({"phone": "+1"}), 1001, 4)).await;
    decide(&db, "crm", "c", Move::Link(q)).await;
    apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
    apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
    decide(&db, "crm", "c", Move::Undo).await;
    assert_eq!(person_of(&db, "crm", "c").await, person_of(&db, "idp", "db|b").await);
}

#[tokio::test]
async fn of_two_contacts_the_one_with_our_key_is_told() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    apply(
        &db,
        CRM,
        saying("c2", Some(&u.to_string()), json!({"email": "a@idp", "external_key": u.to_string()}), 1001, 2),
    )
    .await;
    apply(&db, CRM, saying("c1", None, json!({"phone": "+1"}), 1001, 3)).await;
    decide(&db, "crm", "c1", Move::Link(u)).await;
    let view = db.store.crm_views("crm", &[u]).await.unwrap().remove(&u).unwrap();
    assert_eq!(view.contact.map(|c| c.external_id).as_deref(), Some("c2"));
}

#[tokio::test]
async fn a_move_and_a_merge_in_one_batch_touch_nobody_else() {
    let db = Database::start().await;
    // a: two contacts c1, c2; b: a person with an account; k: a contact of another person.
    apply(
        &db,
        VERIFIER,
        saying("v", Some("K1"), json!({"given_name": "V", "verification_status": "verified"}), 1001, 1),
    )
    .await;
    apply(&db, CRM, saying("c1", Some("K1"), json!({"phone": "1"}), 1001, 2)).await;
    apply(&db, CRM, saying("c2", Some("K1"), json!({"phone": "2"}), 1001, 3)).await;
    apply(&db, IDP, saying("u", Some("K2"), verified("b@idp"), 1001, 4)).await;
    apply(&db, CRM, saying("k", Some("K3"), json!({"phone": "3"}), 1001, 5)).await;
    let mut g = gone("c2", Some(2001), 7);
    g.state = RecordState::Gone { merged_into: Some("k".into()) };
    db.store
        .apply_person_readings(CRM, &[saying("c1", Some("K2"), json!({"phone": "1", "k": 2}), 1002, 6), g])
        .await
        .unwrap();
    let wrong =
        db.texts("select source || external_id from link_review where external_id in ('u', 'c1')").await;
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(person_of(&db, "verifier", "v").await, person_of(&db, "crm", "k").await);
}

#[tokio::test]
async fn what_was_told_apart_is_not_merged() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", Some("P-1"), verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c-lost", Some("P-1"), json!({"phone": "1"}), 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "2"}), 1001, 3)).await;
    let u = person_of(&db, "idp", "u").await;
    decide(&db, "crm", "c", Move::Separate(u)).await;
    let mut g = gone("c-lost", Some(2001), 4);
    g.state = RecordState::Gone { merged_into: Some("c".into()) };
    apply(&db, CRM, g).await;
    assert_ne!(person_of(&db, "idp", "u").await, person_of(&db, "crm", "c").await);
}

#[tokio::test]
async fn a_review_of_a_contact_that_is_gone_holds_up_nothing() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    apply(
        &db,
        CRM,
        saying("c", None, json!({"phone": "+1", "email": "a@idp", "email_verified": true}), 1002, 3),
    )
    .await;
    apply(&db, CRM, gone("c", Some(2001), 4)).await;
    let u = person_of(&db, "idp", "u").await;
    assert!(!db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review);
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
async fn a_link_to_a_person_who_is_being_merged_leads_on() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 3)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    apply(&db, IDP, gone("db|a", Some(2001), 4)).await;
    let held = hold(&db, b).await;
    let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 5));
    blocked(&db, 1).await;
    let ((), ()) = tokio::join!(decide(&db, "crm", "c", Move::Link(a)), async {
        blocked(&db, 2).await;
        held.commit().await.unwrap();
    });
    merge.await.unwrap();
    assert_eq!(person_of(&db, "crm", "c").await, b);
}

#[tokio::test]
async fn the_newest_decides_also_when_it_says_the_same() {
    let db = Database::start().await;
    let c = |id: &str, phone: &str, v, t| saying(id, Some("K"), json!({"phone": phone}), v, t);
    apply(&db, CRM, c("c1", "+1", 1001, 1)).await;
    apply(&db, CRM, c("c2", "+2", 1002, 2)).await;
    apply(&db, CRM, c("c1", "+1", 1003, 3)).await;
    let row = "select phone from person where status <> 'merged'";
    let before = db.texts(row).await;
    db.store.apply_policy(None, 10, announce(), &Write::if_wanted(true).unwrap()).await.unwrap();
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
    let held = hold(&db, b).await;
    let merge = at_the_side(&db, IDP, account("db|b", &["b", "a"], 1002, 4));
    blocked(&db, 1).await;
    let contact = at_the_side(&db, CRM, saying("c", Some("K"), json!({"phone": "+1"}), 1001, 5));
    blocked(&db, 2).await;
    held.commit().await.unwrap();
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
async fn a_contact_that_another_pod_records_at_the_same_time_is_announced_once() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    let before = db.count("select count(*) from outbox").await;
    // The other pod has written the row, and not committed yet.
    let mut other = db.pool.begin().await.unwrap();
    let row = "insert into crm_account (source, external_id, person_id, told_hash) values ('crm', 'c', $1, '\\x00')";
    sqlx::query(row).bind(u).execute(&mut *other).await.unwrap();
    let written = WrittenContact {
        person_id: u,
        revision: 1,
        external_id: "c".into(),
        told_hash: told_hash([]),
        announce: announce(),
    };
    let store = db.store.clone();
    let recording = tokio::spawn(async move { store.record_crm_accounts("crm", &[written]).await });
    let waiting =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%crm_account%'";
    while db.count(waiting).await == 0 {
        assert!(!recording.is_finished(), "it waits for the other");
        tokio::task::yield_now().await;
    }
    other.commit().await.unwrap();
    recording.await.unwrap().unwrap();
    assert_eq!(db.count("select count(*) from outbox").await, before, "the other announces it");
}

#[tokio::test]
async fn whom_a_contact_kept_waiting_hears_that_it_is_gone() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, IDP, saying("u2", Some("K"), verified("b@idp"), 1001, 2)).await;
    apply(&db, CRM, saying("c", Some("K"), json!({"phone": "+1"}), 1001, 3)).await;
    let (u, q) = (person_of(&db, "idp", "u").await, person_of(&db, "idp", "u2").await);
    assert_eq!(person_of(&db, "crm", "c").await, q);
    // Now u has the address of the one who has a contact: perhaps they are one, and it is u's.
    apply(&db, IDP, saying("u", None, verified("b@idp"), 1002, 4)).await;
    let waits = async || db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review;
    assert!(waits().await);
    let told = format!("select count(*) from outbox where entity_id = '{u}'");
    let before = db.count(&told).await;
    apply(&db, CRM, gone("c", Some(1002), 5)).await;
    assert!(!waits().await);
    assert_eq!(db.count(&told).await, before + 1, "u is to have a contact of its own now");
}

#[tokio::test]
async fn who_waited_because_of_a_record_of_its_own_hears_that_it_is_gone() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u2", Some("K2"), verified("b@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c", Some("K2"), json!({"phone": "+1"}), 1001, 2)).await;
    // Two accounts of one person; the second has the address of somebody who has a contact.
    apply(&db, IDP, saying("u", Some("K"), verified("a@idp"), 1002, 3)).await;
    apply(&db, IDP, saying("v", Some("K"), verified("a@idp"), 1001, 4)).await;
    apply(&db, IDP, saying("v", Some("K"), verified("b@idp"), 1001, 5)).await;
    let u = person_of(&db, "idp", "u").await;
    assert_eq!(person_of(&db, "idp", "v").await, u);
    let waits = async || db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review;
    assert!(waits().await);
    let told = format!("select count(*) from outbox where entity_id = '{u}'");
    let (before, revision) = (db.count(&told).await, db.count("select max(revision) from person").await);
    apply(&db, IDP, gone("v", Some(1003), 6)).await;
    assert!(!waits().await);
    assert_eq!(db.count("select max(revision) from person").await, revision, "nothing else about u changed");
    assert_eq!(db.count(&told).await, before + 1);
}
