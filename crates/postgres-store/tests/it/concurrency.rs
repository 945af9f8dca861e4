//! Many batches at once on the same rows: no deadlock, no loss, and the same end.

use postgres_store::{PersonReading, ReadingResult, Source, StoreError, WrittenContact};
use rand::seq::SliceRandom as _;
use serde_json::json;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::convergence::check;
use crate::database::{Database, naming, open};
use crate::history::{Clock, histories, rng};
use crate::link_faults::{announce, blocked, hold, person_of};
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP};

const TASKS: usize = 8;

/// Applies each task's readings in batches of four, all tasks at once.
async fn apply_at_once(database: &Database, shares: Vec<Vec<PersonReading>>) -> Result<(), StoreError> {
    let tasks: Vec<_> = shares
        .into_iter()
        .map(|share| {
            // A pool each, as pods have.
            let store = open(&database.url);
            tokio::spawn(async move {
                for batch in share.chunks(4) {
                    store.apply_person_readings(IDP, batch).await?;
                }
                store.close().await;
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap()?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overlapping_batches_from_several_tasks_end_as_the_source_has_it() {
    let database = Database::start().await;
    for (seed, clock) in
        [Clock::Fine, Clock::Coarse, Clock::Unversioned].into_iter().cycle().take(12).enumerate()
    {
        let mut rng = rng(1000 + seed as u64);
        let histories: Vec<_> =
            (0..8).flat_map(|group| histories(&mut rng, &format!("{seed}-{group}"), clock)).collect();
        let mut all: Vec<PersonReading> =
            histories.iter().flat_map(|history| history.readings.iter().cloned()).collect();
        all.shuffle(&mut rng);
        let mut shares = vec![Vec::new(); TASKS];
        for (number, reading) in all.into_iter().enumerate() {
            shares[number % TASKS].push(reading);
        }
        apply_at_once(&database, shares).await.unwrap();
        for history in &histories {
            check(&database, history, &format!("{clock:?}, seed {seed}, {}", history.external_id)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_rows_in_opposite_orders_do_not_deadlock() {
    let database = Database::start().await;
    let ids: Vec<String> = (0..40).map(|number| format!("r{number}")).collect();
    let rounds = 12;
    // Every task changes every record in every round, under shared identities, in an order of its own.
    let shares = (0..TASKS as i64).map(|task| {
        let mut rng = rng(task as u64);
        let mut share = Vec::new();
        for round in 0..rounds {
            let ticket = round * TASKS as i64 + task + 1;
            let content = format!("round{round}task{task}");
            let mut batch: Vec<_> =
                ids.iter().map(|id| naming(id, &content, &[id, "shared"], None, ticket)).collect();
            batch.shuffle(&mut rng);
            share.push(batch);
        }
        share
    });
    let tasks: Vec<_> = shares
        .map(|share| {
            let store = open(&database.url);
            tokio::spawn(async move {
                for batch in share {
                    store.apply_person_readings(IDP, &batch).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let last = format!("round{}task{}", rounds - 1, TASKS - 1);
    let contents = database.texts("select distinct record ->> 'content' from source_record").await;
    assert_eq!(contents, [last]);
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(database.count(deadlocks).await, 0);
    let gaps = "select count(*) from person p where revision <> \
                (select count(distinct revision) from outbox where entity_id = p.person_id)";
    assert_eq!(database.count(gaps).await, 0, "each revision announced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_record_that_several_pods_read_first_has_one_person() {
    let database = Database::start().await;
    let shares = (1..=TASKS as i64)
        .map(|ticket| {
            (0..24).map(|id| naming(&format!("n{id}"), "same", &["s"], Some(1001), ticket)).collect()
        })
        .collect();
    apply_at_once(&database, shares).await.unwrap();
    assert_eq!(database.count("select count(*) from person").await, 24);
    assert_eq!(database.count("select count(*) from outbox").await, 24);
    assert_eq!(database.count("select count(distinct person_id) from source_record").await, 24);
}

/// Applies a batch in a task, once.
fn apply_batch(
    database: &Database,
    source: Source<'static>,
    batch: Vec<PersonReading>,
) -> JoinHandle<Result<Vec<ReadingResult>, StoreError>> {
    let store = open(&database.url);
    tokio::spawn(async move { store.apply_person_readings(source, &batch).await })
}

#[tokio::test]
async fn batches_of_two_sources_about_the_same_persons_do_not_deadlock() {
    let db = Database::start().await;
    let account = |id: &str, phone: &str, version, ticket| {
        saying(id, None, json!({"email": format!("{id}@idp"), "phone": phone}), version, ticket)
    };
    apply(&db, IDP, account("a", "+1", 1001, 1)).await;
    apply(&db, IDP, account("b", "+1", 1001, 2)).await;
    let (a, b) = (person_of(&db, "idp", "a").await, person_of(&db, "idp", "b").await);
    assert!(a < b, "the order in which persons are locked");
    // Accounts and contacts share no key, so no lock of a key keeps the batches apart.
    let contact = |person: Uuid, name: &str, version, ticket| {
        let own = person.to_string();
        saying(&own, Some(&own), json!({"display_name": name, "external_key": own}), version, ticket)
    };
    for (ticket, person) in [(3, a), (4, b)] {
        apply(&db, CRM, contact(person, "Ada", 1001, ticket)).await;
    }
    // Both of the accounts change. Of the contacts, b's changes, and a's is only newer.
    let lock = hold(&db, a).await;
    let accounts = apply_batch(&db, IDP, vec![account("a", "+2", 1002, 5), account("b", "+2", 1002, 6)]);
    blocked(&db, 1).await;
    let contacts = apply_batch(&db, CRM, vec![contact(a, "Ada", 1002, 7), contact(b, "Adah", 1002, 8)]);
    blocked(&db, 2).await;
    lock.commit().await.unwrap();
    accounts.await.unwrap().unwrap();
    contacts.await.unwrap().unwrap();
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(db.count(deadlocks).await, 0);
}

#[tokio::test]
async fn two_sources_that_change_one_person_at_once_both_count() {
    let db = Database::start().await;
    apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, 1)).await;
    let person = person_of(&db, "idp", "u").await;
    // The account and the contact share no key, so no lock of a key keeps the readings apart.
    let key = person.to_string();
    let contact = |name: &str, version, ticket| {
        saying("c", Some(&key), json!({"given_name": name, "external_key": key}), version, ticket)
    };
    apply(&db, CRM, contact("Ada", 1001, 2)).await;
    let lock = hold(&db, person).await;
    let account = apply_batch(&db, IDP, vec![saying("u", None, verified("b@idp"), 1002, 3)]);
    blocked(&db, 1).await;
    let contact = apply_batch(&db, CRM, vec![contact("Adah", 1002, 4)]);
    blocked(&db, 2).await;
    lock.commit().await.unwrap();
    account.await.unwrap().unwrap();
    contact.await.unwrap().unwrap();
    let row = db.texts("select email || ' ' || given_name from person_profile").await;
    assert_eq!(row, ["b@idp Adah"], "the second reading sees what the first wrote");
}

#[tokio::test]
async fn a_push_is_recorded_while_a_reading_has_the_person() {
    let db = Database::start().await;
    apply(&db, IDP, saying("a", None, verified("a@idp"), 1001, 1)).await;
    apply(&db, IDP, saying("b", None, verified("b@idp"), 1001, 2)).await;
    let (a, b) = (person_of(&db, "idp", "a").await, person_of(&db, "idp", "b").await);
    assert!(a < b, "the order in which persons are locked");
    let lock = hold(&db, b).await;
    let both =
        vec![saying("a", None, verified("a2@idp"), 1002, 3), saying("b", None, verified("b2@idp"), 1002, 4)];
    let reading = apply_batch(&db, IDP, both);
    blocked(&db, 1).await;
    let written = WrittenContact {
        person_id: a,
        revision: 1,
        external_id: String::from("c"),
        pushed_hash: vec![0],
        push_ticket: 0,
        announce: announce(),
    };
    db.store.record_crm_accounts("crm", &[written]).await.unwrap();
    lock.commit().await.unwrap();
    reading.await.unwrap().unwrap();
}
