//! Another policy is previewed without a trace, and applied as if the workers had always had it.

use authority::Policy;
use event_contract::{Hop, TraceContext};
use postgres_store::{Announce, Source, Store, Write};
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::database::{Database, open};
use crate::link_faults::blocked;
use crate::linking::{DEFAULT_POLICY, apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

const ROWS: &str = "select concat_ws(' ', status, profile, provenance) from person \
                    where status <> 'merged' order by 1";

/// The CRM before the identity provider.
fn other_policy() -> Policy {
    let text = DEFAULT_POLICY
        .replace(r#"["sso when verified", "sso", "crm"]"#, r#"["crm", "sso"]"#)
        .replace(r#"["identity when verified", "crm", "sso"]"#, r#"["sso", "crm", "identity"]"#);
    Policy::parse(&text).unwrap()
}

fn announce() -> Announce {
    Announce { cause: Uuid::now_v7(), hop: Hop::OUTSIDE.next().unwrap(), traceparent: TraceContext::start() }
}

/// Seven persons, of one, two and three sources, and one more whose record went to another.
async fn fill(store: &Store) {
    let write = async |source: Source<'_>, reading| {
        store.apply_person_readings(source, &[reading]).await.unwrap();
    };
    for number in 0..7_i64 {
        let (id, key) = (format!("r{number}"), format!("P-{number}"));
        let values = verified(&format!("{number}@idp"));
        write(IDP, saying(&id, Some(&key), values, 1001, 10 * number + 1)).await;
        if number % 2 == 0 {
            let values = json!({"email": format!("{number}@crm"), "given_name": "Crm", "phone": "+1"});
            write(CRM, saying(&id, Some(&key), values, 1001, 10 * number + 2)).await;
        }
        if number % 3 == 0 {
            let values = json!({"given_name": "Document", "verification_status": "verified"});
            write(VERIFIER, saying(&id, Some(&key), values, 1001, 10 * number + 3)).await;
        }
    }
    write(CRM, saying("late", None, json!({"phone": "+2"}), 1001, 101)).await;
    write(CRM, saying("late", Some("P-1"), json!({"phone": "+3"}), 1002, 102)).await;
}

/// Applies in batches of two; answers persons computed and changed.
async fn apply_all(store: &Store) -> (usize, usize) {
    let proof = Write::if_wanted(true).unwrap();
    let (mut after, mut computed, mut changed) = (None, 0, 0);
    loop {
        let batch = store.apply_policy(after, 2, announce(), &proof).await.unwrap();
        computed += batch.computed;
        changed += batch.changed;
        match batch.last {
            Some(last) => after = Some(last),
            None => return (computed, changed),
        }
    }
}

#[tokio::test]
async fn applying_a_policy_ends_where_workers_with_it_would_have() {
    let (database, expected) = (Database::start().await, Database::start().await);
    fill(&database.store).await;
    fill(&expected.store.clone().with_policy(other_policy())).await;
    assert_ne!(database.texts(ROWS).await, expected.texts(ROWS).await);
    let before = database.count("select count(*) from outbox").await;
    let store = open(&database.url).with_policy(other_policy());
    let (computed, changed) = apply_all(&store).await;
    assert_eq!((computed, changed), (7, 7));
    assert_eq!(database.texts(ROWS).await, expected.texts(ROWS).await);
    assert_eq!(database.count("select count(*) from outbox").await, before + 7, "each is announced once");
    assert_eq!(database.count("select count(*) from person where status = 'merged'").await, 1);
    assert_eq!(apply_all(&store).await, (7, 0), "again, it finds nothing to do");
}

#[tokio::test]
async fn a_preview_shows_the_changes_of_applying_and_writes_nothing() {
    let database = Database::start().await;
    fill(&database.store).await;
    let before = database.row_versions().await;
    let same = database.store.preview_policy(&Policy::default(), None, 100).await.unwrap();
    assert_eq!((same.looked_at, same.changes.len()), (7, 0));
    let policy = other_policy();
    let (mut after, mut looked_at, mut changes) = (None, 0, Vec::new());
    loop {
        let batch = database.store.preview_policy(&policy, after, 3).await.unwrap();
        looked_at += batch.looked_at;
        changes.extend(batch.changes);
        match batch.last {
            Some(last) => after = Some(last),
            None => break,
        }
    }
    assert_eq!(database.row_versions().await, before);
    assert_eq!((looked_at, changes.len()), (7, 7));
    let email = changes[0].fields.iter().find(|change| &change.field == authority::Field::email()).unwrap();
    assert_eq!((email.now.clone(), email.then.clone()), (Some(json!("0@idp")), Some(json!("0@crm"))));
    assert_eq!(email.rule.as_deref(), Some("crm"));

    let store = open(&database.url).with_policy(other_policy());
    apply_all(&store).await;
    assert!(store.preview_policy(&policy, None, 100).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn applying_while_workers_write_leaves_no_person_behind() {
    let database = Database::start().await;
    fill(&database.store).await;
    let store = open(&database.url).with_policy(other_policy());
    for round in 0..15_i64 {
        // Rows by the old policy, so that there is something to change.
        database
            .execute("update person set profile = profile || '{\"email\": \"old\"}', revision = revision + 1 where status <> 'merged'")
            .await;
        let workers = async {
            for number in [6_i64, 0, 4, 2] {
                let (id, key) = (format!("r{number}"), format!("P-{number}"));
                let values = json!({"email": format!("{round}-{number}@crm"), "given_name": "Crm"});
                let reading = saying(&id, Some(&key), values, 2000 + round, 1000 + 10 * round + number);
                store.apply_person_readings(CRM, &[reading]).await.unwrap();
            }
        };
        let (_, ()) = tokio::join!(apply_all(&store), workers);
        let left = store.preview_policy(&other_policy(), None, 100).await.unwrap();
        assert!(left.changes.is_empty(), "round {round}: {} rows are not as computed", left.changes.len());
    }
}

#[tokio::test]
async fn a_person_who_is_merged_while_a_policy_is_applied_stays_merged() {
    let database = Database::start().await;
    apply(&database, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    apply(&database, CRM, saying("c", None, json!({"phone": "+1"}), 1001, 2)).await;
    let mut merge = database.pool.begin().await.unwrap();
    let kept = "(select person_id from source_record where external_id = 'u')";
    for step in [
        format!("update person set status = 'merged', merged_into = {kept} where person_id <> {kept}"),
        format!("update source_record set person_id = {kept}"),
    ] {
        sqlx::query(AssertSqlSafe(step)).execute(&mut *merge).await.unwrap();
    }
    let proof = Write::if_wanted(true).unwrap();
    let (applied, ()) = tokio::join!(database.store.apply_policy(None, 10, announce(), &proof), async {
        blocked(&database, 1).await;
        merge.commit().await.unwrap();
    });
    assert_eq!(applied.unwrap().computed, 1);
    assert_eq!(database.texts("select status from person order by 1").await, ["active", "merged"]);
}
