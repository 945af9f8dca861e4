//! A silent database: the bus alone keeps webhooks safe, and the process ends within its drain limit.

use std::time::{Duration, Instant};

use local_stack::{NetworkPath, wait_until};
use testkit::{PATIENCE, World};
use tokio::time::timeout;

use crate::requests::stripe;
use crate::{ACCEPTED, BINARY, Ingress, UNIT};

async fn path(world: &World) -> (NetworkPath, String) {
    let server = world.database_url().rsplit_once('/').unwrap().0;
    let path = NetworkPath::to(server.rsplit_once(':').unwrap().1.parse().unwrap()).await.unwrap();
    let url = path.through(&world.database_url_of(UNIT));
    (path, url)
}

#[tokio::test]
async fn with_a_silent_database_no_webhook_is_lost_and_the_process_ends_within_its_drain_limit() {
    let world = World::start().await;
    let (path, url) = path(&world).await;
    let settings = [("DATABASE_URL", url.as_str()), ("COPPICE_DRAIN_LIMIT_SECS", "8")];
    let mut ingress = Ingress::start(&world, &settings).await;
    assert_eq!(ingress.send(&stripe("vs_1")).await.0, 200);
    path.go_silent();
    wait_until(PATIENCE, "the metric of the database", async || {
        let ready = ingress.worker.get("readyz").await;
        assert_eq!(ready.unwrap().0, 200, "the bus alone keeps webhooks safe");
        Ok((ingress.worker.metric("coppice_database_writable", "").await == 0.0).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(ingress.worker.get("livez").await.unwrap().0, 200, "a restart would not help");
    assert_eq!(ingress.send(&stripe("vs_2")).await.0, 200, "the bus takes it");
    let begun = Instant::now();
    ingress.worker.process.terminate().unwrap();
    ingress.worker.process.wait(PATIENCE).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_ingress_that_is_stopped_while_it_waits_for_its_database_at_start_ends_at_once() {
    let world = World::start().await;
    let (path, url) = path(&world).await;
    path.go_silent();
    let mut settings = ACCEPTED.to_vec();
    settings.push(("DATABASE_URL", &url));
    let mut ingress = world.spawn_worker(BINARY, UNIT, &settings);
    timeout(PATIENCE, path.used()).await.unwrap();
    ingress.process.terminate().unwrap();
    assert_eq!(ingress.exit_code().await, Some(0), "{}", ingress.log());
}
