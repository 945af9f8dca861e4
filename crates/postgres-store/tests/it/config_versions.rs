//! Versions of `coppice.toml`: every process computes by the newest one, and no two compute at the same time.

use std::sync::atomic::{AtomicBool, Ordering};

use postgres_store::{PersonReading, RecordState, Store, Write};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::database::{Database, apply_config, config, open};
use crate::link_faults::{announce, blocked, person_of};
use crate::linking::{saying, verified};
use crate::{CRM, IDP};

/// The CRM before the identity provider.
const CRM_FIRST: &str = r#"fields.email = { type = "email", from = ["crm", "sso"] }"#;
const IDP_FIRST: &str = r#"fields.email = { type = "email", from = ["sso", "crm"] }"#;

const EMAILS: &str = "select profile ->> 'email' from person order by 1";

fn proof() -> Write {
    Write::if_wanted(true).unwrap()
}

async fn begin(store: &Store, rules: &str) -> i64 {
    let author = "ada".parse().unwrap();
    store.begin_config(&config(rules), &author, None, &proof()).await.unwrap().version
}

/// Writes a person's account and contact, which say different addresses.
async fn write(store: &Store, number: i64, version: i64) {
    let (id, key) = (format!("r{number}"), format!("P-{number}"));
    let account = saying(&id, Some(&key), verified(&format!("{number}@idp")), version, 10 * version + 1);
    store.apply_person_readings(IDP, &[account]).await.unwrap();
    let values = json!({"email": format!("{number}@crm"), "given_name": format!("{version}")});
    let contact = saying(&id, Some(&key), values, version, 10 * version + 2);
    store.apply_person_readings(CRM, &[contact]).await.unwrap();
}

#[tokio::test]
async fn a_process_that_is_running_goes_on_by_a_version_that_another_one_applies() {
    let db = Database::start().await;
    let (worker, tool) = (open(&db.url), open(&db.url));
    write(&worker, 0, 1001).await;
    assert_eq!(db.texts(EMAILS).await, ["0@idp"], "no version: its own rules");

    assert_eq!(apply_config(&tool, CRM_FIRST, 10).await, (1, 1));
    write(&worker, 1, 1001).await;
    assert_eq!(db.texts(EMAILS).await, ["0@crm", "1@crm"]);
    let person = person_of(&db, "idp", "r1").await;
    let email = async |store: &Store| {
        let view = store.crm_views("crm", &[person]).await.unwrap().remove(&person).unwrap();
        view.profile.fields[authority::Field::email()].value.clone()
    };
    assert_eq!(email(&worker).await, json!("1@crm"));

    begin(&tool, IDP_FIRST).await;
    assert_eq!(email(&worker).await, json!("1@idp"), "from the moment on that it is stored");
    assert_eq!(db.texts(EMAILS).await, ["0@crm", "1@crm"], "and their rows after they were computed");
    assert_eq!(apply_config(&open(&db.url), IDP_FIRST, 10).await, (2, 2));
    assert_eq!(db.texts(EMAILS).await, ["0@idp", "1@idp"]);
    assert_eq!(worker.active_config().await.unwrap().unwrap().version, 2, "the same file is no new version");
}

/// The records are of two roles, and nothing in them changes but the version.
#[tokio::test]
async fn a_newer_version_alone_decides_between_roles_that_a_rule_compares() {
    for (field, kind, [first, second]) in [
        ("phone", "phone", ["+15550000001", "+15550000002"]),
        ("email", "email", ["a@one", "a@two"]),
        ("given_name", "text", ["Ada", "Augusta"]),
    ] {
        let db = Database::start().await;
        let rules = format!(r#"fields.{field} = {{ type = "{kind}", from = ["newest of crm, sso"] }}"#);
        apply_config(&db.store, &rules, 10).await;
        let account = |version, ticket| saying("r0", Some("P-0"), json!({field: first}), version, ticket);
        let contact = saying("r0", Some("P-0"), json!({field: second}), 2000, 20);
        let believed = format!("select profile ->> '{field}' from person where merged_into is null");
        db.store.apply_person_readings(IDP, &[account(1000, 10)]).await.unwrap();
        db.store.apply_person_readings(CRM, &[contact]).await.unwrap();
        assert_eq!(db.texts(&believed).await, [second]);
        db.store.apply_person_readings(IDP, &[account(3000, 30)]).await.unwrap();
        assert_eq!(db.texts(&believed).await, [first]);
    }
}

/// The version may be the first one that pushes to the CRM.
#[tokio::test]
async fn a_version_announces_persons_without_a_record_at_a_source_that_is_pushed_to() {
    let db = Database::start().await;
    write(&db.store, 0, 1001).await;
    let account = |id: &str, email: &str| saying(id, None, verified(email), 1001, 20);
    db.store.apply_person_readings(IDP, &[account("r1", "1@idp"), account("r2", "2@idp")]).await.unwrap();
    let known = saying("c3", None, json!({"email": "3@crm"}), 1001, 30);
    db.store.apply_person_readings(CRM, &[known]).await.unwrap();
    let gone = PersonReading {
        state: RecordState::Gone { merged_into: None, proved: true },
        ..account("r2", "2@idp")
    };
    db.store
        .apply_person_readings(IDP, &[PersonReading { ticket: 40, version_at: None, ..gone }])
        .await
        .unwrap();
    apply_config(&db.store, IDP_FIRST, 10).await;
    db.execute("delete from outbox").await;

    assert_eq!(apply_config(&db.store, IDP_FIRST, 10).await, (4, 0), "no person changes");
    let announced = db.texts("select entity_id::text from outbox order by 1").await;
    let mut expected = [person_of(&db, "idp", "r0").await, person_of(&db, "idp", "r1").await];
    expected.sort();
    assert_eq!(announced, expected.map(|person| person.to_string()), "another contact, and none");
}

#[tokio::test]
async fn a_run_that_was_interrupted_resumes_and_one_of_an_older_version_ends() {
    let db = Database::start().await;
    for number in 0..5 {
        write(&db.store, number, 1001).await;
    }
    let version = begin(&db.store, CRM_FIRST).await;
    let batch =
        async |store: &Store, version| store.compute_config_batch(version, 2, announce(), &proof()).await;
    assert_eq!(batch(&db.store, version).await.unwrap().computed, 2);
    let standing = async || db.store.config_version(version).await.unwrap().unwrap();
    assert!(standing().await.computed_through.is_some() && standing().await.computed_at.is_none());
    // Another process goes on.
    let other = open(&db.url);
    other.read_rules().await.unwrap();
    let mut computed = Vec::new();
    while computed.last() != Some(&0) {
        computed.push(batch(&other, version).await.unwrap().computed);
    }
    assert_eq!(computed, [2, 1, 0]);
    let at = standing().await.computed_at.unwrap();
    assert_eq!(batch(&other, version).await.unwrap().computed, 0);
    assert_eq!(standing().await.computed_at, Some(at));

    let older = begin(&db.store, "phones.region = \"SE\"").await;
    begin(&db.store, IDP_FIRST).await;
    let Err(error) = batch(&other, older).await else { panic!("an older version computes") };
    assert!(error.is_other_version(), "{error}");
    assert_eq!(db.count("select count(*) from person where profile ->> 'email' like '%@idp'").await, 0);
}

/// New persons, too: no row of theirs can be locked while a version is applied.
#[tokio::test]
async fn versions_that_are_applied_while_workers_write_leave_no_person_behind() {
    let db = Database::start().await;
    let (done, tool) = (AtomicBool::new(false), open(&db.url));
    let work = async |first: i64| {
        let worker = open(&db.url);
        let mut number = first;
        while !done.load(Ordering::Relaxed) {
            write(&worker, number, 1001 + number).await;
            write(&worker, first, 100_000 + number).await;
            number += 4;
        }
    };
    let apply = async {
        for round in 0..20 {
            let rules = if round % 2 == 0 { CRM_FIRST } else { IDP_FIRST };
            apply_config(&tool, rules, 50).await;
            let left = tool.preview_policy(&config(rules).policy().unwrap(), None, 10_000).await.unwrap();
            assert!(left.changes.is_empty(), "round {round}: {} of {}", left.changes.len(), left.looked_at);
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(apply, work(0), work(1), work(2), work(3));
    assert!(db.count("select count(*) from person").await > 20);
}

/// A transaction that computes holds the lock in common, also for a person without a row; a new version needs it alone.
#[tokio::test]
async fn a_new_version_and_a_transaction_that_computes_wait_for_each_other() {
    let db = Database::start().await;
    for (lock, is_version) in [("pg_advisory_xact_lock_shared", true), ("pg_advisory_xact_lock", false)] {
        let mut other = db.pool.begin().await.unwrap();
        let sql = format!("select {lock}(hashtext('config'), 0)");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *other).await.unwrap();
        let waiting = async {
            if is_version {
                begin(&db.store, CRM_FIRST).await;
            } else {
                write(&db.store, 0, 1001).await;
            }
        };
        tokio::join!(waiting, async {
            blocked(&db, 1).await;
            other.commit().await.unwrap();
        });
    }
}
