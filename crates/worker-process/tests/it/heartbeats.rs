//! Heartbeats are noted, and everything else is as in the queue itself.

use std::time::Duration;

use event_contract::{DRILL_SOURCE, HEARTBEAT, Heartbeat};
use local_stack::{TestDatabase, Tools};
use postgres_store::Store;
use sqs_queue::{MemoryQueue, MemoryQueueConfig, OutgoingMessage, Queue};
use uuid::Uuid;
use worker_process::HeartbeatQueue;

const UNIT: &str = "crm-sync";

struct World {
    queue: MemoryQueue,
    watched: HeartbeatQueue<MemoryQueue>,
    store: Store,
    database: TestDatabase,
}

impl World {
    async fn start() -> Self {
        Self::on(TestDatabase::migrated().await.unwrap())
    }

    /// On a server that the test stops.
    async fn on_its_own_server() -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
        Self::on(TestDatabase::on_its_own_server(&tools).await.unwrap())
    }

    fn on(database: TestDatabase) -> Self {
        let store = Store::open(&database.url().to_owned().into(), 2).unwrap();
        let queue = MemoryQueue::new(MemoryQueueConfig::default());
        let watched = HeartbeatQueue::new(queue.clone(), store.clone());
        Self { queue, watched, store, database }
    }

    async fn send(&self, bodies: &[&str]) {
        let message = |body: &&str| OutgoingMessage { body: (*body).to_owned(), ..Default::default() };
        let messages: Vec<OutgoingMessage> = bodies.iter().map(message).collect();
        assert!(self.queue.send(&messages).await.unwrap().iter().all(Result::is_ok));
    }

    async fn receive(&self) -> Vec<String> {
        let received = self.watched.receive(10, Duration::ZERO).await.unwrap();
        received.into_iter().map(|message| message.body).collect()
    }
}

fn body(heartbeat: Uuid) -> String {
    let detail = Heartbeat { unit: UNIT.to_owned(), heartbeat };
    let event = serde_json::json!({"id": Uuid::now_v7(), "source": DRILL_SOURCE, "detail-type": HEARTBEAT,
        "time": "2026-11-24T10:00:00Z", "detail": detail});
    event.to_string()
}

#[tokio::test]
async fn a_heartbeat_is_noted_and_deleted_and_no_handler_gets_it() {
    let world = World::start().await;
    let ids = world.store.begin_heartbeats(&[UNIT.to_owned()]).await.unwrap();
    world.send(&["news", &body(ids[0]), &body(Uuid::now_v7()), r#"{"Heartbeat": 1}"#]).await;
    assert_eq!(world.receive().await, ["news", r#"{"Heartbeat": 1}"#]);
    assert!(world.store.read_unit_heartbeats().await.unwrap()[0].latency_secs.is_some());
    let depth = world.queue.depth().await.unwrap();
    assert_eq!(
        (depth.visible, depth.in_flight),
        (0, 2),
        "the heartbeats are deleted, the others are in flight"
    );
}

#[tokio::test]
async fn a_heartbeat_that_cannot_be_noted_stays_in_the_queue_and_holds_nothing_up() {
    let mut world = World::on_its_own_server().await;
    world.database.server().stop_immediately();
    world.send(&[&body(Uuid::now_v7()), "news"]).await;
    assert_eq!(world.receive().await, ["news"]);
    let depth = world.queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight), (0, 2), "it comes back after its visibility timeout");
}
