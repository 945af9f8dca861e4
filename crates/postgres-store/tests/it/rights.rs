//! What several units do in the same way, done with the SQL role of each: a right that `migrations/grants.sql` lacks fails here at
//! once. What one unit does alone, its own suite does with its role.

use std::collections::BTreeMap;
use std::time::Duration;

use authority::Role;
use fleet::{Kind, Of, Sources, Unit};
use postgres_store::{FailedAttempt, HandOver, RecordVersion, RedriveAction, Source, StoreError};
use serde_json::json;
use sqlx::Connection as _;
use uuid::Uuid;

use crate::database::{Database, found, gone, naming, open};
use crate::link_faults::{account, person_of};
use crate::linking::{apply, saying, verified};
use crate::missing::missing;
use crate::redrives::planned;
use crate::{CRM, IDP, VERIFIER};

/// The units that may write every part of a record. If one is missing here, its own suite fails.
async fn writing_records(db: &Database) -> Vec<&'static str> {
    let mut units = Vec::new();
    for unit in fleet::with_sql_role() {
        if may(db, unit.name, "delete", "identity").await {
            units.push(unit.name);
        }
    }
    assert!(units.len() >= 7, "{units:?}");
    units
}

async fn may(db: &Database, unit: &str, right: &str, table: &str) -> bool {
    let role = fleet::unit(unit).unwrap().sql_role(fleet::ROLE_PREFIX);
    let question = sqlx::query_scalar("select has_table_privilege($1, $2, $3)");
    question.bind(role).bind(table).bind(right).fetch_one(&db.pool).await.unwrap()
}

/// The role of the sources whose records the unit reads. From the table of units, not from the rights: a right that is missing
/// has to be noticed.
fn role_of(unit: &Unit) -> Option<Role> {
    match unit.sources {
        Sources::Branches(Of::Role(role)) => Some(role),
        _ => None,
    }
}

/// Whether the unit reads records that take pushes, and so ends the memory of what was pushed to them.
fn reads_contacts(unit: &str) -> bool {
    role_of(fleet::unit(unit).unwrap()).is_some_and(Role::takes_pushes)
}

/// Which ones they are follows from the rights: a unit that reads records of such sources and lacks the right reads none in its suite.
#[tokio::test]
async fn units_that_read_records_read_those_that_were_handed_over() {
    let mut units = Vec::new();
    let db = Database::start().await;
    for unit in fleet::with_sql_role() {
        let reads = role_of(unit).is_some_and(|role| matches!(role, Role::Crm | Role::Registry));
        if reads || may(&db, unit.name, "select", "handed_over_record").await {
            units.push(unit.name);
        }
    }
    assert_eq!(units.len(), 7, "{units:?}");
    for unit in units {
        let db = Database::start_as(unit).await;
        let handed =
            HandOver { record_id: "a".into(), version: RecordVersion::Number(1), content: Some(json!({})) };
        open(&db.direct).take_records("county", &[handed], None).await.unwrap();
        assert_eq!(
            db.store.handed_over_records("county", &["a".into()]).await.expect(unit).len(),
            1,
            "{unit}"
        );
        assert_eq!(db.store.list_handed_over("county", None, 9).await.expect(unit).len(), 1, "{unit}");
    }
}

const ANOTHER_IDP: Source<'static> = Source { name: "another", role: Role::Sso };

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn every_unit_with_a_queue_may_do_what_the_loop_does() {
    for unit in fleet::with_queue().map(|unit| unit.name) {
        let db = Database::start_as(unit).await;
        db.store.check_schema().await.expect(unit);
        loop_of(&db).await.unwrap_or_else(|error| panic!("{unit}: {error}"));
    }
}

async fn loop_of(db: &Database) -> Result<(), StoreError> {
    let (store, owner) = (&db.store, open(&db.direct));
    let attempt = FailedAttempt {
        message_id: String::from("m"),
        class: String::from("timeout"),
        detail: String::new(),
        witness_ago: Some(LONG),
    };
    store.record_failures("q", "1", &[attempt]).await?;
    store.noted_failures("q", "m").await?;
    store.forget_failures("q", &[String::from("m")]).await?;

    for _ in 0..2 {
        store.open_breaker("idp", "outage", Duration::ZERO, LONG).await?;
        let lease = store.lease_probe("idp", Duration::ZERO).await?.expect("the probe is due");
        store.postpone_probe("idp", lease, Duration::ZERO, LONG).await?;
        store.close_breaker("idp", lease).await?;
    }
    store.read_breaker("idp").await?;
    store.longest_open_breaker().await?;

    owner.apply_person_readings(IDP, &[found("a", "x", Some(1001), 1)]).await?;
    let leased = store.lease_announcements(10, LONG).await?;
    let ids: Vec<_> = leased.iter().map(|row| row.announcement.event_id).collect();
    assert_eq!((ids.len(), store.outbox_depth().await?.waiting), (1, 1));
    store.release_announcements(&ids, Duration::ZERO).await?;
    store.remove_announcements(&ids).await?;

    let heartbeats = owner.begin_heartbeats(&[String::from("u")]).await?;
    store.see_heartbeats(&heartbeats).await?;
    let (_, items) = planned(&owner, RedriveAction::Redrive).await;
    store.end_redrive_items(&items.map(|item| (item.item_id, false))).await
}

#[tokio::test]
async fn every_unit_that_writes_records_may_link_merge_and_delete_them() {
    for unit in writing_records(&Database::start().await).await {
        let db = Database::start_as(unit).await;
        // For a unit that reads no contacts, a second identity provider has the record that is reviewed.
        let contacts = if reads_contacts(unit) { CRM } else { ANOTHER_IDP };
        db.store.draw_refetch_tickets("idp", &[String::from("db|a")]).await.expect(unit);
        // An account, and a contact that may be its person's: a review. The review follows a merge.
        apply(&db, IDP, account("db|a", &["a"], 1001, 1)).await;
        apply(&db, IDP, account("db|b", &["b"], 1001, 2)).await;
        let values = json!({"phone": "+1", "email": "a@idp", "email_verified": true});
        for (values, version) in [(json!({"phone": "+1"}), 1001), (values, 1002)] {
            apply(&db, contacts, saying("c", None, values, version, version)).await;
        }
        apply(&db, IDP, gone("db|a", Some(2001), 5)).await;
        apply(&db, IDP, account("db|b", &["b", "a"], 1002, 6)).await;
        assert_eq!(db.store.open_link_reviews(9).await.unwrap().len(), 1, "{unit}");
        // A key that proves a link.
        let person = person_of(&db, "idp", "db|b").await.to_string();
        apply(&db, VERIFIER, saying("v", Some(&person), json!({"verification_status": "verified"}), 1001, 7))
            .await;
        // An identity that a record no longer names.
        apply(&db, IDP, naming("n", "x", &["1", "2"], Some(1001), 8)).await;
        apply(&db, IDP, naming("n", "y", &["1"], Some(1002), 9)).await;
        apply(&db, IDP, missing("n", 10)).await;
        let ids = [String::from("n")];
        let ticket = db.store.draw_refetch_tickets("idp", &ids).await.expect(unit).remove(0);
        db.store.confirm_unmodified("idp", &[(ids[0].clone(), ticket)]).await.expect(unit);
        db.store.note_read("idp", &ids).await.expect(unit);
    }
}

#[tokio::test]
async fn every_unit_that_reads_contacts_may_end_the_memory_of_pushed_values() {
    for unit in writing_records(&Database::start().await).await {
        if !reads_contacts(unit) {
            continue;
        }
        let db = Database::start_as(unit).await;
        let owner = open(&db.direct);
        apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
        let person = person_of(&db, "idp", "u").await;
        let view = owner.crm_views("crm", &[person]).await.unwrap().remove(&person).unwrap();
        let own = person.to_string();
        // The value of a new contact arrives; then the contact says something else.
        let pushed = BTreeMap::from([("given_name".parse().unwrap(), String::from("Idp"))]);
        owner.remember_pushed("crm", &own, &view.push_key, &pushed).await.unwrap();
        for (name, version) in [("Idp", 1001), ("Their own", 1002)] {
            let ticket = db.store.draw_refetch_tickets("crm", &[String::from("c")]).await.unwrap()[0].number;
            let values = json!({"given_name": name, "external_key": own});
            apply(&db, CRM, saying("c", Some(&own), values, version, ticket)).await;
        }
        assert_eq!(db.count("select count(*) from crm_push").await, 0, "{unit}");
    }
}

/// A source may say that it has lost changes, whatever its connector: then a complete listing has to be read, if a job does that.
#[tokio::test]
async fn every_worker_whose_source_has_a_resync_job_may_request_a_resync() {
    let of_kind = |kind| fleet::UNITS.iter().filter(move |unit| unit.kind == kind);
    let resynced: Vec<Role> = of_kind(Kind::Job).filter_map(role_of).collect();
    let workers =
        of_kind(Kind::Worker).filter(|unit| role_of(unit).is_some_and(|role| resynced.contains(&role)));
    let workers: Vec<&str> = workers.map(|unit| unit.name).collect();
    assert_eq!(workers, ["sso-sync", "crm-sync", "registry-sync"]);
    for unit in workers {
        let db = Database::start_as(unit).await;
        for _ in 0..2 {
            db.store.request_resync("idp", Uuid::now_v7()).await.expect(unit);
        }
    }
}

#[tokio::test]
async fn every_unit_that_writes_records_may_compute_a_person_with_several_contacts() {
    for unit in writing_records(&Database::start().await).await {
        let db = Database::start_as(unit).await;
        let owner = open(&db.direct);
        apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
        let person = person_of(&db, "idp", "u").await.to_string();
        // Whose contacts were pushed to, and with what, decides which of them counts, and what is an echo.
        let contacts = ["c", "d"].map(|id| saying(id, Some(&person), json!({"given_name": "Crm"}), 1001, 2));
        owner.apply_person_readings(CRM, &contacts).await.unwrap();
        apply(&db, IDP, saying("u", None, verified("b@idp"), 1002, 3)).await;
        assert_eq!(
            db.count("select count(*) from person where profile ->> 'email' = 'b@idp'").await,
            1,
            "{unit}"
        );
    }
}

#[tokio::test]
async fn every_unit_that_may_read_persons_may_read_their_profiles() {
    let db = Database::start().await;
    for unit in fleet::with_sql_role() {
        let persons = may(&db, unit.name, "select", "person").await;
        assert_eq!(may(&db, unit.name, "select", "person_profile").await, persons, "{}", unit.name);
        assert!(!may(&db, unit.name, "update", "person_profile").await, "{}", unit.name);
    }
}

#[tokio::test]
async fn a_role_without_a_right_is_refused_and_the_file_gives_none_that_reaches_further() {
    let db = Database::start_as("webhook-ingress").await;
    let refused = db.store.apply_person_readings(IDP, &[found("a", "x", Some(1001), 1)]).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable { code }) if code == "42501"),
        "{:?}",
        refused.err()
    );
    let mut session = sqlx::PgConnection::connect(&db.test_database.url_of("webhook-ingress")).await.unwrap();
    for statement in ["select from person", "create table mine ()", "truncate ingress_outbox"] {
        let refused = sqlx::raw_sql(statement).execute(&mut session).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{statement}");
    }
}
