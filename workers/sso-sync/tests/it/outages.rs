//! A provider that fails in every way it can, and how the worker responds.

use local_stack::wait_until;
use simulators::auth0::{Fault, SimulatedUser};
use testkit::{PATIENCE, Setup, Worker, World};

use crate::{UNIT, email, known_user, start};

const ADA: &str = "auth0|ada";

pub(crate) async fn breaker_opens(worker: &Worker, upstream: &str) {
    let open = async || Ok((worker.metric("coppice_breaker_open", upstream).await > 0.0).then_some(()));
    wait_until(PATIENCE, "the breaker to open", open).await.unwrap();
}

pub(crate) async fn open_for_secs(world: &World) -> f64 {
    let open_for = "select extract(epoch from now() - opened_at)::float8 from upstream_breaker where open";
    sqlx::query_scalar(open_for).fetch_optional(&world.pool).await.unwrap().unwrap_or(0.0)
}

/// Why the fleet pauses, and for how many seconds. A worker pauses first, and then says so to the fleet.
pub(crate) async fn pause_of_the_fleet(world: &World) -> (String, f64) {
    let row = "select reason, extract(epoch from next_probe_at - opened_at)::float8 from upstream_breaker where open";
    let shared = async || Ok(sqlx::query_as(row).fetch_optional(&world.pool).await?);
    wait_until(PATIENCE, "the breaker of the fleet to open", shared).await.unwrap()
}

pub(crate) async fn counted_failures(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from message_failure").fetch_one(&world.pool).await.unwrap()
}

/// Creates users while the provider has a fault, and waits until the breaker is open.
async fn create_users(world: &World, worker: &Worker, fault: Fault) -> Vec<String> {
    world.idp.set_fault(fault);
    let ids: Vec<String> = (0..5).map(|number| format!("auth0|user{number}")).collect();
    for id in &ids {
        world.deliver(&world.idp.put_user(SimulatedUser::new(id)).stream_event()).await;
    }
    breaker_opens(worker, "auth0").await;
    ids
}

async fn recovers(world: &World, ids: &[String]) {
    assert_eq!(counted_failures(world).await, 0, "an outage is not a failed attempt");
    world.idp.set_fault(Fault::None);
    for id in ids {
        world.person_where(id, |person| person.status == "active").await;
    }
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn an_outage_longer_than_all_receives_loses_no_message() {
    let world = World::start_with(
        Setup { visibility_secs: 2, max_receive_count: 3, ..Setup::DEFAULT }.with_emulator(),
    )
    .await;
    let worker = start(&world, &[]).await;
    let ids = create_users(&world, &worker, Fault::Down).await;
    // Long before, 3 receives of 2 s each would have dead-lettered every message.
    wait_until(PATIENCE, "the breaker to stay open", async || {
        Ok((open_for_secs(&world).await > 14.0).then_some(()))
    })
    .await
    .unwrap();
    assert!(worker.get("livez").await.unwrap().1.contains("null"), "a paused worker is alive");
    recovers(&world, &ids).await;
}

#[tokio::test]
async fn a_rate_limit_pauses_the_fleet_for_as_long_as_the_provider_asks() {
    let world = World::start_with_emulator().await;
    let worker = start(&world, &[]).await;
    known_user(&world, ADA).await;
    let before = world.idp.total_requests();
    let ids = create_users(&world, &worker, Fault::RateLimited { retry_after_secs: 4 }).await;
    let (reason, pause) = pause_of_the_fleet(&world).await;
    assert_eq!(reason, "rate_limited");
    assert!(pause > 2.0, "the breaker pauses the fleet for {pause} s");
    worker.has_nothing_in_flight().await;
    let asked = world.idp.total_requests() - before;
    assert!(asked <= 5, "{asked} requests: at most one for each user before the first 429");
    wait_until(PATIENCE, "the breaker to stay open", async || {
        Ok((open_for_secs(&world).await > 3.0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(world.idp.total_requests() - before, asked, "no request during the pause");
    recovers(&world, &ids).await;
}

#[tokio::test]
async fn web_pages_instead_of_json_open_the_breaker_until_the_provider_recovers() {
    let world = World::start_with_emulator().await;
    let worker = start(&world, &[]).await;
    let ids = create_users(&world, &worker, Fault::WrongJson).await;
    recovers(&world, &ids).await;
}

#[tokio::test]
async fn refused_credentials_pause_the_worker_and_lose_no_message() {
    let world = World::start_with_emulator().await;
    let worker = start(&world, &[]).await;
    world.idp.revoke_tokens();
    let ids = create_users(&world, &worker, Fault::TokenRefused).await;
    recovers(&world, &ids).await;
}

#[tokio::test]
async fn a_message_is_dead_lettered_alone_if_the_provider_fails_only_for_its_record() {
    let world = World::start_with_emulator().await;
    let _worker = start(&world, &[("COPPICE_MAX_ATTEMPTS", "2")]).await;
    world.idp.set_status(ADA, Some(500));
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    known_user(&world, "auth0|bob").await;
    let message = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(message.attributes["coppice.class"], "server_error");
    assert_eq!(message.attributes["coppice.attempts"], "2");
    assert_eq!(message.attributes["coppice.worker"], UNIT);
    world.settled(UNIT).await;
}

#[tokio::test]
async fn a_message_is_dead_lettered_if_the_provider_refuses_its_record_twice_and_shows_another() {
    let world = World::start_with_emulator().await;
    let _worker = start(&world, &[]).await;
    known_user(&world, "auth0|witness").await;
    world.idp.set_status(ADA, Some(400));
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    let message = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(message.attributes["coppice.class"], "provider_refused");
    assert_eq!(message.attributes["coppice.receive_count"], "2");
}

#[tokio::test]
async fn only_one_of_three_pods_probes() {
    let world = World::start_with_emulator().await;
    let patient = [("sources.auth0.timeout_secs", "20")];
    let pods = [start(&world, &patient).await, start(&world, &patient).await, start(&world, &patient).await];
    known_user(&world, ADA).await;
    world.idp.set_fault(Fault::ServerError(503));
    world.deliver(&world.idp.update(ADA, email("ada.later@example.org")).stream_event()).await;
    for pod in &pods {
        breaker_opens(pod, "auth0").await;
    }
    // From now on a probe takes longer than the probe interval. Only its lease keeps the other pods from probing.
    let requests = world.idp.total_requests();
    world.idp.set_fault(Fault::Slow(std::time::Duration::from_secs(60)));
    wait_until(
        PATIENCE,
        "the next probe",
        async || Ok((world.idp.total_requests() > requests).then_some(())),
    )
    .await
    .unwrap();
    let (probes, since) = (world.idp.total_requests(), open_for_secs(&world).await);
    let lasts = async || Ok((open_for_secs(&world).await > since + 5.0).then_some(()));
    wait_until(PATIENCE, "the breaker to stay open", lasts).await.unwrap();
    assert_eq!(world.idp.total_requests(), probes, "no other pod probes during the lease");
    world.idp.set_fault(Fault::None);
}
