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
    database.store.open_breaker(UPSTREAM, reason, until_probe, MINUTE * 5).await.unwrap();
}

async fn lease(database: &Database) -> Option<i64> {
    database.store.lease_probe(UPSTREAM, LEASE).await.unwrap()
}

async fn close(database: &Database, lease: i64) {
    database.store.close_breaker(UPSTREAM, lease).await.unwrap();
}

async fn postpone(database: &Database, lease: i64) {
    database.store.postpone_probe(UPSTREAM, lease, MINUTE, MINUTE * 5).await.unwrap();
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
    assert_eq!(lease(&database).await, None);
    close(&database, 0).await;
    postpone(&database, 0).await;
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
    assert_eq!(lease(&database).await, None, "no probe is due");
}

#[tokio::test]
async fn one_pod_probes_at_a_time_and_a_prober_that_dies_is_replaced() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    assert!(lease(&database).await.is_some());
    assert_eq!(lease(&database).await, None, "another pod has the lease");
    assert_eq!(open(&database.url).lease_probe(UPSTREAM, LEASE).await.unwrap(), None, "in any pod");
    assert_eq!(database.store.lease_probe("crm", LEASE).await.unwrap(), None);
    database.execute("update upstream_breaker set probe_lease_until = now() - interval '1 second'").await;
    assert!(lease(&database).await.is_some(), "the lease expired");
}

#[tokio::test]
async fn failed_probes_are_spaced_out_up_to_a_limit_and_release_the_lease() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    for expected in [60, 120, 240, 300, 300] {
        let number = lease(&database).await.unwrap();
        postpone(&database, number).await;
        assert_eq!(spacing(&database).await, expected);
        database.execute("update upstream_breaker set next_probe_at = now()").await;
    }
    database.execute("update upstream_breaker set failed_probes = 2000000").await;
    let number = lease(&database).await.unwrap();
    postpone(&database, number).await;
    assert_eq!(spacing(&database).await, 300, "after months too");
    database.execute("update upstream_breaker set next_probe_at = now()").await;
    let number = lease(&database).await.unwrap();
    close(&database, number).await;
    open_for(&database, "timeout", MINUTE).await;
    assert_eq!(spacing(&database).await, 300, "also if it opens again");
}

#[tokio::test]
async fn a_breaker_that_reopens_later_starts_from_the_beginning() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    let number = lease(&database).await.unwrap();
    postpone(&database, number).await;
    database.execute("update upstream_breaker set next_probe_at = now()").await;
    let number = lease(&database).await.unwrap();
    close(&database, number).await;
    assert!(!read(&database).await.open);
    assert_eq!(lease(&database).await, None, "a closed breaker is not probed");
    database
        .execute("update upstream_breaker set opened_at = opened_at - interval '1 hour', closed_at = closed_at - interval '6 minutes'")
        .await;

    open_for(&database, "timeout", NOW).await;
    assert!(read(&database).await.open_for < MINUTE * 30, "open since now");
    let number = lease(&database).await.expect("the old probe's time and lease do not count");
    postpone(&database, number).await;
    assert_eq!(spacing(&database).await, 60, "nor do its failed probes");
}

#[tokio::test]
async fn a_breaker_that_reopens_soon_waits_longer_each_time_and_says_why() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    database.execute("update upstream_breaker set opened_at = opened_at - interval '1 hour'").await;
    for expected in [120, 240, 300] {
        let number = lease(&database).await.unwrap();
        close(&database, number).await;
        database.execute("update upstream_breaker set closed_at = closed_at - interval '4 minutes'").await;
        open_for(&database, "refused", MINUTE).await;
        assert_eq!((spacing(&database).await, read(&database).await.reason.as_str()), (expected, "refused"));
        database.execute("update upstream_breaker set next_probe_at = now()").await;
    }
    assert!(read(&database).await.open_for >= MINUTE * 60, "an alarm sees how long it has lasted");
}

#[tokio::test]
async fn a_late_probe_changes_nothing() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    let late = lease(&database).await.unwrap();
    open_for(&database, "rate_limited", MINUTE).await;
    close(&database, late).await;
    postpone(&database, late).await;
    assert_eq!((read(&database).await.open, spacing(&database).await), (true, 60));
    assert_eq!(database.count("select failed_probes::bigint from upstream_breaker").await, 0);

    database.execute("update upstream_breaker set next_probe_at = now()").await;
    let number = lease(&database).await.expect("the lease of the late probe ended");
    close(&database, late).await;
    assert!(read(&database).await.open, "another pod probes");
    close(&database, number).await;
    assert!(!read(&database).await.open);
    open_for(&database, "timeout", NOW).await;
    close(&database, number).await;
    assert!(read(&database).await.open, "this is another outage");
}

#[tokio::test]
async fn a_lease_ends_when_the_breaker_closes() {
    let database = Database::start().await;
    open_for(&database, "timeout", NOW).await;
    let number = lease(&database).await.unwrap();
    close(&database, number).await;
    assert_eq!(lease(&database).await, None, "a closed breaker is not probed");
    open_for(&database, "timeout", NOW).await;
    assert!(lease(&database).await.is_some());
}

#[tokio::test]
async fn the_longest_open_breaker_is_found() {
    let database = Database::start().await;
    assert_eq!(database.store.longest_open_breaker().await.unwrap(), Duration::ZERO);
    for upstream in ["closed", UPSTREAM, "crm"] {
        database.store.open_breaker(upstream, "timeout", NOW, NOW).await.unwrap();
    }
    database
        .execute("update upstream_breaker set opened_at = now() - interval '1 hour' where upstream = 'idp'")
        .await;
    database
        .execute("update upstream_breaker set opened_at = now() - interval '1 day' where upstream = 'closed'")
        .await;
    let number = database.store.lease_probe("closed", LEASE).await.unwrap().unwrap();
    database.store.close_breaker("closed", number).await.unwrap();
    let longest = database.store.longest_open_breaker().await.unwrap();
    assert!(longest >= MINUTE * 60 && longest < MINUTE * 90, "{longest:?}");
}
