//! Many batches at once on the same rows: no deadlock, no loss, and the same end.

use postgres_store::{PersonReading, StoreError};
use rand::seq::SliceRandom as _;

use crate::IDP;
use crate::convergence::check;
use crate::database::{Database, naming, open};
use crate::history::{Clock, histories, rng};

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
