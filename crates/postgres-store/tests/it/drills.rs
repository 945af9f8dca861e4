//! Fire drills and heartbeats.

use std::collections::BTreeMap;

use postgres_store::{DrillFailure, StoreError, UnitHeartbeat};
use uuid::Uuid;

use crate::database::{Database, at, open};

const UNIT: &str = "sso-sync";

#[tokio::test]
async fn a_unit_has_one_open_drill_and_a_second_run_joins_it() {
    let database = Database::start().await;
    assert_eq!(database.store.read_open_fire_drill(UNIT).await.unwrap(), None);
    let first = database.store.open_fire_drill(UNIT).await.unwrap();
    assert_eq!(open(&database.url).open_fire_drill(UNIT).await.unwrap(), first, "in any pod");
    let other = database.store.open_fire_drill("crm-sync").await.unwrap();
    assert_ne!(other.drill_id, first.drill_id);
    database.store.end_fire_drill(first.drill_id, None).await.unwrap();
    assert_ne!(database.store.open_fire_drill(UNIT).await.unwrap().drill_id, first.drill_id);
}

#[tokio::test]
async fn a_hop_is_recorded_once_in_the_open_drill() {
    let database = Database::start().await;
    let drill = database.store.open_fire_drill(UNIT).await.unwrap();
    assert_eq!(drill.hops, BTreeMap::new());
    for (hop, when) in [("bus", at(1)), ("worker", at(2)), ("bus", at(3))] {
        database.store.reach_fire_drill_hop(drill.drill_id, hop, when).await.unwrap();
    }
    let hops = database.store.read_open_fire_drill(UNIT).await.unwrap().unwrap().hops;
    assert_eq!(hops, BTreeMap::from([("bus".to_owned(), at(1)), ("worker".to_owned(), at(2))]));
    let unknown = database.store.reach_fire_drill_hop(Uuid::now_v7(), "bus", at(1)).await;
    assert!(matches!(unknown, Err(StoreError::Refused { .. })), "{unknown:?}");
}

#[tokio::test]
async fn an_ended_drill_stays_as_it_is_and_only_a_passed_one_resets_the_unit_s_age() {
    let database = Database::start().await;
    let store = &database.store;
    let failure = DrillFailure { hop: "worker".to_owned(), reason: "it is down".to_owned() };
    let drill = store.open_fire_drill(UNIT).await.unwrap().drill_id;
    store.end_fire_drill(drill, Some(&failure)).await.unwrap();
    store.end_fire_drill(drill, None).await.unwrap();
    let row = "select concat_ws(' ', passed, broken_hop, reason) from fire_drill";
    assert_eq!(database.texts(row).await, ["f worker it is down"]);
    assert_eq!(store.fire_drill_ages().await.unwrap(), BTreeMap::new());
    assert_eq!(store.read_fire_drill(drill).await.unwrap().unwrap().end, Some(Err(failure)));
    assert_eq!(store.read_open_fire_drill(UNIT).await.unwrap(), None);

    let drill = store.open_fire_drill(UNIT).await.unwrap().drill_id;
    store.end_fire_drill(drill, None).await.unwrap();
    database.execute("update fire_drill set ended_at = ended_at - interval '1 hour' where passed").await;
    assert_eq!(store.read_fire_drill(drill).await.unwrap().unwrap().end, Some(Ok(())));
    assert_eq!(store.read_fire_drill(Uuid::now_v7()).await.unwrap(), None);
    let ages = store.fire_drill_ages().await.unwrap();
    assert!(ages.len() == 1 && (3600.0..3700.0).contains(&ages[UNIT]), "{ages:?}");
}

#[tokio::test]
async fn a_marker_without_an_open_drill_is_recognised() {
    let database = Database::start().await;
    let store = &database.store;
    let ended = store.open_fire_drill(UNIT).await.unwrap().drill_id;
    store.end_fire_drill(ended, None).await.unwrap();
    let live = store.open_fire_drill(UNIT).await.unwrap().drill_id;
    let unknown = Uuid::now_v7();
    assert_eq!(store.ended_fire_drills(&[live, ended, unknown]).await.unwrap(), [ended, unknown]);
}

/// Of one unit: `(latency, waiting)`, each `None` where there is none.
async fn heartbeat(database: &Database) -> (Option<f64>, Option<f64>) {
    let [UnitHeartbeat { unit, latency_secs, waiting_secs }] =
        &database.store.read_unit_heartbeats().await.unwrap()[..]
    else {
        panic!("one unit");
    };
    assert_eq!(unit, UNIT);
    (*latency_secs, Some(*waiting_secs).filter(|secs| *secs > 0.0))
}

#[tokio::test]
async fn a_heartbeat_s_latency_and_the_time_since_a_missing_one_are_reported() {
    let database = Database::start().await;
    let store = &database.store;
    let units = [UNIT.to_owned()];
    let shift = |secs: u32| format!("update heartbeat set sent_at = sent_at - interval '{secs} seconds'");
    let near = |secs: Option<f64>, expected: f64| secs.is_some_and(|secs| (secs - expected).abs() < 20.0);
    assert_eq!(store.read_unit_heartbeats().await.unwrap(), []);

    let lost = store.begin_heartbeats(&units).await.unwrap();
    database.execute(&shift(300)).await;
    let seen = store.begin_heartbeats(&units).await.unwrap();
    database.execute(&shift(60)).await;
    let (latency, waiting) = heartbeat(&database).await;
    assert!(latency.is_none() && near(waiting, 360.0), "none was ever seen: {waiting:?}");

    store.see_heartbeats(&[seen[0], Uuid::now_v7()]).await.unwrap();
    let (latency, waiting) = heartbeat(&database).await;
    assert!(near(latency, 60.0) && waiting.is_none(), "one that came through is worth more than {lost:?}");
    database.execute("update heartbeat set seen_at = seen_at - interval '50 seconds'").await;
    store.see_heartbeats(&seen).await.unwrap();
    assert!(near(heartbeat(&database).await.0, 10.0), "the first time counts");

    let next = store.begin_heartbeats(&units).await.unwrap();
    database.execute(&shift(100)).await;
    assert!(near(heartbeat(&database).await.1, 100.0), "only what was sent since then is missing");
    store.cancel_heartbeats(&next).await.unwrap();
    assert_eq!(heartbeat(&database).await.1, None);
}

#[tokio::test]
async fn the_age_is_that_of_the_last_drill_that_passed() {
    let database = Database::start().await;
    for _ in 0..2 {
        database.execute("update fire_drill set ended_at = ended_at - interval '1 hour'").await;
        let drill = database.store.open_fire_drill(UNIT).await.unwrap().drill_id;
        database.store.end_fire_drill(drill, None).await.unwrap();
    }
    let age = database.store.fire_drill_ages().await.unwrap()[UNIT];
    assert!((0.0..100.0).contains(&age), "{age}");
}

#[tokio::test]
async fn the_latency_is_that_of_the_last_heartbeat_that_arrived() {
    let database = Database::start().await;
    for latency_secs in [300, 100] {
        let sent = database.store.begin_heartbeats(&[UNIT.to_owned()]).await.unwrap();
        database
            .execute(&format!("update heartbeat set sent_at = sent_at - interval '{latency_secs} seconds'"))
            .await;
        database.store.see_heartbeats(&sent).await.unwrap();
    }
    let (latency, waiting) = heartbeat(&database).await;
    assert!(latency.is_some_and(|secs| (100.0..120.0).contains(&secs)) && waiting.is_none(), "{latency:?}");
}
