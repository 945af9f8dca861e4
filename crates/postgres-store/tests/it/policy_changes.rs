//! Another policy is previewed without a trace, and applied as if the workers had always had it.

use authority::Policy;
use postgres_store::{Source, Store};
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::database::{Database, apply_config, open, policy};
use crate::link_faults::blocked;
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP, VERIFIER};

const ROWS: &str = "select concat_ws(' ', status, profile, provenance) from person \
                    where status <> 'merged' order by 1";

/// The CRM before the identity provider.
const OTHER: &str = r#"
    fields.email = { type = "email", from = ["crm", "sso"] }
    fields.given_name = { type = "text", from = ["sso", "crm", "identity"] }
    fields.family_name = { type = "text", from = ["sso", "crm", "identity"] }
    fields.birthdate = { type = "date", class = "sensitive", from = ["sso", "crm", "identity"] }
"#;

fn other_policy() -> Policy {
    policy(OTHER)
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

/// Applies in batches of two; returns persons computed and changed.
async fn apply_all(store: &Store) -> (usize, usize) {
    apply_config(store, OTHER, 2).await
}

#[tokio::test]
async fn applying_a_policy_ends_where_workers_with_it_would_have() {
    let (database, expected) = (Database::start().await, Database::start().await);
    fill(&database.store).await;
    fill(&expected.store.clone().with_policy(other_policy())).await;
    assert_ne!(database.texts(ROWS).await, expected.texts(ROWS).await);
    let before = database.count("select count(*) from outbox").await;
    let store = open(&database.url);
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
    let same = database.store.preview_policy(&policy(""), None, 100).await.unwrap();
    assert_eq!((same.looked_at, same.changes.len()), (7, 0));
    let other = other_policy();
    let (mut after, mut looked_at, mut changes) = (None, 0, Vec::new());
    loop {
        let batch = database.store.preview_policy(&other, after, 3).await.unwrap();
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

    let store = open(&database.url);
    apply_all(&store).await;
    assert!(store.preview_policy(&other, None, 100).await.unwrap().changes.is_empty());
}

#[tokio::test]
async fn applying_while_workers_write_leaves_no_person_behind() {
    let database = Database::start().await;
    fill(&database.store).await;
    let store = open(&database.url);
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
    let (applied, ()) = tokio::join!(apply_config(&database.store, "", 10), async {
        blocked(&database, 1).await;
        merge.commit().await.unwrap();
    });
    assert_eq!(applied.0, 1);
    assert_eq!(database.texts("select status from person order by 1").await, ["active", "merged"]);
}
