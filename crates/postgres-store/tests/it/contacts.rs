//! What links, reviews and deletions mean for the CRM's contacts: which are pushed to, which wait, and which persons
//! are announced when the wait is over.

use std::collections::BTreeMap;

use postgres_store::{CrmView, MOST_REPEATS, Move, PersonReading, WrittenContact};
use serde_json::json;
use uuid::Uuid;

use crate::database::{Database, gone};
use crate::link_faults::{announce, blocked, decide, person_of};
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

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
async fn a_separation_announces_both() {
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
async fn a_contact_that_was_unlinked_is_not_pushed_to_again() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    decide(&db, "crm", "c", Move::Link(u)).await;
    // crm-account pushes to the contact; crm-sync reads the echo.
    let pushed = WrittenContact {
        person_id: u,
        revision: 2,
        external_id: "c".into(),
        pushed_hash: vec![0],
        push_ticket: 0,
        announce: announce(),
    };
    db.store.record_crm_accounts("crm", &[pushed]).await.unwrap();
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
    assert_eq!(view.pushed.map(|pushed| pushed.external_id), None);
}

#[tokio::test]
async fn a_contact_that_was_changed_back_before_our_change_was_read_is_announced() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    let staffs = || json!({"email": "a@crm", "external_key": u.to_string()});
    apply(&db, CRM, saying("c", Some(&u.to_string()), staffs(), 1001, 2)).await;
    let announced = async || db.count("select count(*) from outbox").await;
    let before = announced().await;
    // crm-account pushes to the contact at 1002, and a user of the CRM changes it back at 1003: the next reading has
    // the stored content, and is newer.
    apply(&db, CRM, saying("c", Some(&u.to_string()), staffs(), 1003, 3)).await;
    assert_eq!(announced().await, before + 1, "the CRM differs from the believed value");
    // A contact that equals the person needs no announcement.
    let in_step = || json!({"email": "a@idp", "given_name": "Idp", "external_key": u.to_string()});
    apply(&db, CRM, saying("c", Some(&u.to_string()), in_step(), 1004, 4)).await;
    let before = announced().await;
    apply(&db, CRM, saying("c", Some(&u.to_string()), in_step(), 1005, 5)).await;
    assert_eq!(announced().await, before);
}

#[tokio::test]
async fn of_two_contacts_the_one_with_our_key_is_pushed_to() {
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
async fn a_review_of_a_contact_that_is_gone_blocks_no_person() {
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
async fn a_contact_that_another_pod_records_at_the_same_time_is_announced_once() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    let before = db.count("select count(*) from outbox").await;
    // The other pod has written the row, and not committed yet.
    let mut other = db.pool.begin().await.unwrap();
    let row = "insert into crm_account (source, external_id, person_id, pushed_hash, push_ticket) values ('crm', 'c', $1, '\\x00', 0)";
    sqlx::query(row).bind(u).execute(&mut *other).await.unwrap();
    let written = WrittenContact {
        person_id: u,
        revision: 1,
        external_id: "c".into(),
        pushed_hash: vec![0],
        push_ticket: 0,
        announce: announce(),
    };
    let store = db.store.clone();
    let recording = tokio::spawn(async move { store.record_crm_accounts("crm", &[written]).await });
    blocked(&db, 1).await;
    other.commit().await.unwrap();
    recording.await.unwrap().unwrap();
    assert_eq!(db.count("select count(*) from outbox").await, before, "the other announces it");
}

#[tokio::test]
async fn a_person_who_waited_for_a_contact_is_announced_when_it_is_gone() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, IDP, saying("u2", Some("K"), verified("b@idp"), 1001, 2)).await;
    apply(&db, CRM, saying("c", Some("K"), json!({"phone": "+1"}), 1001, 3)).await;
    let (u, q) = (person_of(&db, "idp", "u").await, person_of(&db, "idp", "u2").await);
    assert_eq!(person_of(&db, "crm", "c").await, q);
    // Now u has the address of the person with a contact: perhaps they are one person, and the contact is u's.
    apply(&db, IDP, saying("u", None, verified("b@idp"), 1002, 4)).await;
    let waits = async || db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review;
    assert!(waits().await);
    let pushed = format!("select count(*) from outbox where entity_id = '{u}'");
    let before = db.count(&pushed).await;
    apply(&db, CRM, gone("c", Some(1002), 5)).await;
    assert!(!waits().await);
    assert_eq!(db.count(&pushed).await, before + 1, "u may get its own contact now");
}

#[tokio::test]
async fn a_person_who_waited_because_of_its_own_record_is_announced_when_it_is_gone() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u2", Some("K2"), verified("b@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c", Some("K2"), json!({"phone": "+1"}), 1001, 2)).await;
    // Two accounts of one person; the second has the address of a person with a contact.
    apply(&db, IDP, saying("u", Some("K"), verified("a@idp"), 1002, 3)).await;
    apply(&db, IDP, saying("v", Some("K"), verified("a@idp"), 1001, 4)).await;
    apply(&db, IDP, saying("v", Some("K"), verified("b@idp"), 1001, 5)).await;
    let u = person_of(&db, "idp", "u").await;
    assert_eq!(person_of(&db, "idp", "v").await, u);
    let waits = async || db.store.crm_views("crm", &[u]).await.unwrap()[&u].under_review;
    assert!(waits().await);
    let pushed = format!("select count(*) from outbox where entity_id = '{u}'");
    let (before, revision) = (db.count(&pushed).await, db.count("select max(revision) from person").await);
    apply(&db, IDP, gone("v", Some(1003), 6)).await;
    assert!(!waits().await);
    assert_eq!(db.count("select max(revision) from person").await, revision, "nothing else about u changed");
    assert_eq!(db.count(&pushed).await, before + 1);
}

/// A person whose contact has our key and other values, and the contact's next reading with these values.
async fn person_with_a_contact(
    db: &Database,
    values: serde_json::Value,
) -> (Uuid, impl Fn(serde_json::Value, i64) -> PersonReading) {
    apply(db, IDP, saying("u", None, values, 1001, 1)).await;
    let u = person_of(db, "idp", "u").await;
    let contact = move |mut values: serde_json::Value, version| {
        values["external_key"] = json!(u.to_string());
        saying("c", Some(&u.to_string()), values, version, version)
    };
    (u, contact)
}

/// Records a push of what the contact lacks, as crm-account does.
async fn push(db: &Database, person_id: Uuid, external_id: &str) {
    let view = view(db, person_id).await;
    let fields = view.profile.to_push(&db.store.policy(), "crm", view.contact.as_ref());
    let written = WrittenContact {
        person_id,
        revision: view.revision,
        external_id: external_id.to_owned(),
        pushed_hash: view.push_key.hash_of_push(&db.store.policy(), "crm", person_id, &fields),
        push_ticket: 0,
        announce: announce(),
    };
    db.store.record_crm_accounts("crm", &[written]).await.unwrap();
}

async fn view(db: &Database, person: Uuid) -> CrmView {
    db.store.crm_views("crm", &[person]).await.unwrap().remove(&person).unwrap()
}

async fn announced(db: &Database) -> i64 {
    db.count("select count(*) from outbox").await
}

#[tokio::test]
async fn values_that_the_crm_changes_back_again_and_again_are_announced_again_after_an_hour() {
    let db = Database::start().await;
    let account = json!({"email": "a@idp", "email_verified": true, "phone": "+1"});
    let (u, contact) = person_with_a_contact(&db, account).await;
    let staffs = json!({"email": "a@crm", "phone": "+2"});
    apply(&db, CRM, contact(staffs.clone(), 1001)).await;
    for times in 1..=MOST_REPEATS {
        push(&db, u, "c").await;
        let before = announced(&db).await;
        apply(&db, CRM, contact(staffs.clone(), 1001 + i64::from(times))).await;
        let due = i64::from(times < MOST_REPEATS);
        assert_eq!(announced(&db).await, before + due, "changed back {times} times");
    }
    assert_eq!(view(&db, u).await.pushed.unwrap().times, MOST_REPEATS);
    let before = announced(&db).await;
    apply(&db, CRM, contact(json!({"email": "a@crm", "phone": "+1"}), 1010)).await;
    assert_eq!(announced(&db).await, before + 1, "other values are due");
    apply(&db, CRM, contact(staffs.clone(), 1011)).await;
    assert_eq!(announced(&db).await, before + 1);

    db.execute("update crm_account set pushed_at = pushed_at - interval '61 minutes'").await;
    assert_eq!(view(&db, u).await.pushed.unwrap().times, 0, "an hour later");
    apply(&db, CRM, contact(staffs, 1012)).await;
    assert_eq!(announced(&db).await, before + 2);
    push(&db, u, "c").await;
    assert_eq!(view(&db, u).await.pushed.unwrap().times, 1);
}

#[tokio::test]
async fn a_push_is_a_conflict_only_if_the_contact_was_read_between() {
    let db = Database::start().await;
    let (u, contact) = person_with_a_contact(&db, verified("a@idp")).await;
    let staffs = json!({"email": "a@crm"});
    apply(&db, CRM, contact(staffs.clone(), 1001)).await;
    let push_with = async |push_ticket| {
        let pushed = WrittenContact {
            person_id: u,
            revision: 1,
            external_id: String::from("c"),
            pushed_hash: view(&db, u).await.push_key.hash_of_push(
                &db.store.policy(),
                "crm",
                u,
                &BTreeMap::new(),
            ),
            push_ticket,
            announce: announce(),
        };
        db.store.record_crm_accounts("crm", &[pushed]).await.unwrap();
        let pushed = view(&db, u).await.pushed.unwrap();
        (pushed.times, pushed.read_since)
    };
    // The contact's events are late: it was read before these pushes.
    for ticket in [1002, 1003, 1004, 1005] {
        assert_eq!(push_with(ticket).await, (1, false));
    }
    apply(&db, CRM, contact(staffs, 1006)).await;
    assert!(view(&db, u).await.pushed.unwrap().read_since);
    assert_eq!(push_with(1007).await, (2, false), "it was read, and had other values");
}

#[tokio::test]
async fn a_contested_contact_is_not_announced_although_the_person_has_another() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    let values = json!({"email": "a@idp", "given_name": "Idp"});
    apply(&db, CRM, saying("c1", None, json!({"email": "c1@crm"}), 1001, 2)).await;
    apply(&db, CRM, saying("c2", None, values.clone(), 1001, 3)).await;
    decide(&db, "crm", "c1", Move::Link(u)).await;
    decide(&db, "crm", "c2", Move::Link(u)).await;
    let push_key_to = async |contact: &str| {
        let pushed = WrittenContact {
            person_id: u,
            revision: 1,
            external_id: contact.to_owned(),
            pushed_hash: view(&db, u).await.push_key.hash_of_push(
                &db.store.policy(),
                "crm",
                u,
                &BTreeMap::new(),
            ),
            push_ticket: 0,
            announce: announce(),
        };
        db.store.record_crm_accounts("crm", &[pushed]).await.unwrap();
    };
    push_key_to("c1").await;
    db.execute("update crm_account set pushed_at = pushed_at - interval '2 hours'").await;
    // crm-account gives c2 our key, and a user of the CRM removes it each time.
    for times in 1..=MOST_REPEATS {
        push_key_to("c2").await;
        let before = announced(&db).await;
        let at = 1001 + i64::from(times);
        apply(&db, CRM, saying("c2", None, values.clone(), at, at)).await;
        let due = i64::from(times < MOST_REPEATS);
        assert_eq!(announced(&db).await, before + due, "removed {times} times");
    }
}

#[tokio::test]
async fn pushes_to_a_contact_of_several_persons_are_no_conflict_with_the_crm() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, IDP, saying("w", None, verified("b@idp"), 1001, 2)).await;
    let (u, w) = (person_of(&db, "idp", "u").await, person_of(&db, "idp", "w").await);
    // Each time, the contact gets only the key of its new person.
    for person_id in [u, w, u, w, u] {
        let pushed = WrittenContact {
            person_id,
            revision: 1,
            external_id: String::from("c"),
            pushed_hash: view(&db, person_id).await.push_key.hash_of_push(
                &db.store.policy(),
                "crm",
                person_id,
                &BTreeMap::new(),
            ),
            push_ticket: 0,
            announce: announce(),
        };
        db.store.record_crm_accounts("crm", &[pushed]).await.unwrap();
        assert_eq!(view(&db, person_id).await.pushed.unwrap().times, 1);
    }
}

#[tokio::test]
async fn a_contact_is_announced_once_for_each_person_to_whom_it_is_linked() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, IDP, saying("w", None, verified("b@idp"), 1001, 2)).await;
    let (u, w) = (person_of(&db, "idp", "u").await, person_of(&db, "idp", "w").await);
    for (person, expected) in [(u, 1), (u, 1), (w, 2), (w, 2)] {
        push(&db, person, "c").await;
        let linked = db.count("select count(*) from outbox where kind = 'CrmAccountLinked'").await;
        assert_eq!(linked, expected);
    }
}

#[tokio::test]
async fn of_several_pushed_contacts_the_last_one_is_known() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let u = person_of(&db, "idp", "u").await;
    for contact in ["c2", "c1", "c3"] {
        push(&db, u, contact).await;
        db.execute("update crm_account set pushed_at = pushed_at - interval '1 minute'").await;
    }
    assert_eq!(view(&db, u).await.pushed.unwrap().external_id, "c3");
}

#[tokio::test]
async fn a_person_who_has_the_contact_waits_for_no_review_of_it() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    let values = json!({"phone": "+1", "email": "a@idp", "email_verified": true});
    apply(&db, CRM, saying("c", None, values, 1002, 3)).await;
    let (u, owner) = (person_of(&db, "idp", "u").await, person_of(&db, "crm", "c").await);
    assert!(view(&db, u).await.under_review && !view(&db, owner).await.under_review);
}

#[tokio::test]
async fn only_another_person_s_contact_has_our_key_elsewhere() {
    let db = Database::start().await;
    let (u, contact) = person_with_a_contact(&db, verified("a@idp")).await;
    apply(&db, CRM, contact(json!({"phone": "+1"}), 1001)).await;
    assert!(!view(&db, u).await.key_elsewhere, "its own contact");
    let case = json!({"verification_status": "failed"});
    apply(&db, VERIFIER, saying("v", Some(&u.to_string()), case, 1001, 2)).await;
    decide(&db, "verifier", "v", Move::Undo).await;
    assert_ne!(person_of(&db, "verifier", "v").await, u);
    assert!(!view(&db, u).await.key_elsewhere, "a case is no contact");
    decide(&db, "crm", "c", Move::Undo).await;
    assert!(view(&db, u).await.key_elsewhere);
}

#[tokio::test]
async fn a_merged_person_is_not_shown_to_the_crm() {
    let db = Database::start().await;
    let (u, _) = person_with_a_contact(&db, verified("a@idp")).await;
    apply(&db, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    let merged = person_of(&db, "crm", "c").await;
    decide(&db, "crm", "c", Move::Link(u)).await;
    let views = db.store.crm_views("crm", &[u, merged]).await.unwrap();
    assert_eq!(views.into_keys().collect::<Vec<_>>(), [u]);
}
