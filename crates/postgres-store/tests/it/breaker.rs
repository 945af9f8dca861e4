//! The breaker that all pods share.

use std::time::Duration;

use postgres_store::BreakerRow;

use crate::database::{Database, open};

const UPSTREAM: &str = "idp";
const NOW: Duration = Duration::ZERO;
const LEASE: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

async fn read(database: &Database) -> BreakerRow {
    database.store.read_breaker(UPSTREAM).await.unwrap().unwrap()
}

async fn open_for(database: &Database, reason: &str, until_probe: Duration) {
    database.store.open_breaker(UPSTREAM, reason, until_probe).await.unwrap();
}

async fn lease(database: &Database) -> bool {
    database.store.lease_probe(UPSTREAM, LEASE).await.unwrap()
}

/// Seconds until the next probe as the table has them, without the time that this test takes.
async fn spacing(database: &Database) -> i64 {
    let left = read(database).await.until_probe.as_secs_f64();
    let tolerance = 20.0;
    [60, 120, 240, 300]
        .into_iter()
        .find(|&secs| (0.0..tolerance).contains(&(f64::from(secs) - left)))
        .map_or(0, i64::from)
}

#[tokio::test]
async fn a_breaker_that_never_opened_is_none_and_cannot_be_probed() {
    let database = Database::start().await;
    assert_eq!(database.store.read_breaker(UPSTREAM).await.unwrap(), None);
    assert!(!lease(&database).await);
    database.store.close_breaker(UPSTREAM).await.unwrap();
    database.store.postpone_probe(UPSTREAM, MINUTE, MINUTE).await.unwrap();
    assert_eq!(database.store.read_breaker(UPSTREAM).await.unwrap(), None);
}

#[tokio::test]
async fn opening_again_keeps_the_time_it_opened_and_the_later_probe() {
    let database = Database::start().await;
    open_for(&database, "timeout", MINUTE).await;
    database.execute("update upstream_breaker set opened_at = opened_at - interval '1 hour'").await;
    open_for(&database, "unauthorized", NOW).await;
    let row = read(&database).await;
    assert!(row.open && row.reason == "unauthorized" && row.open_for >= MINUTE * 60, "{row:?}");
    assert_eq!(spacing(&database).await, 60, "a shorter wait does not bring the probe forward");
    assert!(!lease(&database).await, "no probe is due");
}

#[tokio::test]
async fn one_pod_probes_at_a_time_and_a_prober_that_dies_is_replaced() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    assert!(lease(&database).await);
    assert!(!lease(&database).await, "another pod has the lease");
    assert!(!open(&database.url).lease_probe(UPSTREAM, LEASE).await.unwrap(), "in any pod");
    assert!(!database.store.lease_probe("crm", LEASE).await.unwrap());
    database.execute("update upstream_breaker set probe_lease_until = now() - interval '1 second'").await;
    assert!(lease(&database).await, "the lease expired");
}

#[tokio::test]
async fn failed_probes_are_spaced_out_up_to_a_limit_and_release_the_lease() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    for expected in [60, 120, 240, 300, 300] {
        assert!(lease(&database).await, "{expected}");
        database.store.postpone_probe(UPSTREAM, MINUTE, MINUTE * 5).await.unwrap();
        assert_eq!(spacing(&database).await, expected);
        database.execute("update upstream_breaker set next_probe_at = now()").await;
    }
    database.execute("update upstream_breaker set failed_probes = 2000000").await;
    database.store.postpone_probe(UPSTREAM, MINUTE, MINUTE * 5).await.unwrap();
    assert_eq!(spacing(&database).await, 300, "after months too");
}

#[tokio::test]
async fn a_breaker_that_reopens_starts_from_the_beginning() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    assert!(lease(&database).await);
    database.store.postpone_probe(UPSTREAM, MINUTE, MINUTE * 5).await.unwrap();
    database.store.close_breaker(UPSTREAM).await.unwrap();
    assert!(!read(&database).await.open);
    assert!(!lease(&database).await, "a closed breaker is not probed");
    database.store.postpone_probe(UPSTREAM, MINUTE, MINUTE * 5).await.unwrap();
    database.execute("update upstream_breaker set opened_at = opened_at - interval '1 hour'").await;

    open_for(&database, "timeout", NOW).await;
    assert!(read(&database).await.open_for < MINUTE * 30, "open since now");
    assert!(lease(&database).await, "the old probe's time and lease do not count");
    database.store.postpone_probe(UPSTREAM, MINUTE, MINUTE * 5).await.unwrap();
    assert_eq!(spacing(&database).await, 60, "nor do its failed probes");
}

#[tokio::test]
async fn a_lease_ends_when_the_breaker_closes() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    assert!(lease(&database).await);
    database.store.close_breaker(UPSTREAM).await.unwrap();
    assert!(!lease(&database).await, "a closed breaker is not probed");
    open_for(&database, "timeout", NOW).await;
    assert!(lease(&database).await);
}

#[tokio::test]
async fn the_longest_open_breaker_is_found() {
    let database = Database::start().await;
    assert_eq!(database.store.longest_open_breaker().await.unwrap(), Duration::ZERO);
    for upstream in ["closed", UPSTREAM, "crm"] {
        database.store.open_breaker(upstream, "timeout", NOW).await.unwrap();
    }
    database
        .execute("update upstream_breaker set opened_at = now() - interval '1 hour' where upstream = 'idp'")
        .await;
    database
        .execute("update upstream_breaker set opened_at = now() - interval '1 day' where upstream = 'closed'")
        .await;
    database.store.close_breaker("closed").await.unwrap();
    let longest = database.store.longest_open_breaker().await.unwrap();
    assert!(longest >= MINUTE * 60 && longest < MINUTE * 90, "{longest:?}");
}
