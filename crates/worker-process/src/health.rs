//! Whether a worker is alive, and whether its dependencies answer.

use std::fmt::Display;
use std::time::Duration;

use event_bus::{EventBridgeBus, EventBus};
use postgres_store::Store;
use sqs_queue::{Queue, SqsQueue};
use telemetry::{Check, Health};
use tokio::sync::Mutex;
use tokio::time::Instant;
use worker_runtime::Liveness;

use crate::check_database;
use crate::relay::LONGEST_RELAY_TURN;
use crate::turns::Turns;

/// If the loop has not turned for so long, it hangs, and Kubernetes restarts the pod.
const LONGEST_TURN: Duration = Duration::from_secs(30);

const LONGEST_RECEIVE: Duration = Duration::from_secs(120);

const READINESS_HOLDS: Duration = Duration::from_secs(5);

/// Longest that a check may take. The database's own limits together are shorter.
const CHECK_LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct WorkerHealth {
    liveness: Liveness,
    relay: Turns,
    store: Store,
    queue: SqsQueue,
    dead_letters: SqsQueue,
    bus: EventBridgeBus,
    last: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl WorkerHealth {
    pub(crate) fn new(
        liveness: Liveness,
        relay: Turns,
        store: Store,
        queue: SqsQueue,
        dead_letters: SqsQueue,
        bus: EventBridgeBus,
    ) -> Self {
        Self { liveness, relay, store, queue, dead_letters, bus, last: Mutex::new(None) }
    }
}

impl WorkerHealth {
    /// What the loop has seen of the work itself: a locked table fails it, and no check.
    fn own_outage(&self) -> Check {
        let fault = self
            .liveness
            .is_own_outage()
            .then(|| String::from("receiving is stopped: the database fails the work, see the log"));
        Check { name: "work", fault }
    }
}

impl Health for WorkerHealth {
    fn live(&self) -> Check {
        // A receive ends within its long poll and the client's retries: one that has not ended for longer hangs.
        let (turn, receive) = (self.liveness.since_turn(), self.liveness.since_receive());
        let fault = if turn > LONGEST_TURN {
            Some(format!("loop has not turned for {} s", turn.as_secs()))
        } else if receive > LONGEST_RECEIVE {
            Some(format!("no receive was answered for {} s", receive.as_secs()))
        } else {
            self.relay.fault("relay", LONGEST_RELAY_TURN)
        };
        Check { name: "loop", fault }
    }

    async fn ready(&self) -> Vec<Check> {
        // The lock is held during the calls, and an answer is reused: frequent probes cost no calls.
        let mut last = self.last.lock().await;
        if let Some((at, checks)) = &*last
            && at.elapsed() < READINESS_HOLDS
        {
            return [checks.clone(), vec![self.own_outage()]].concat();
        }
        let (database, queue, dead_letters, bus) = tokio::join!(
            in_time("database", check_database(&self.store)),
            in_time("queue", self.queue.depth()),
            in_time("dead_letter_queue", self.dead_letters.depth()),
            in_time("bus", self.bus.verify())
        );
        let checks = vec![database, queue, dead_letters, bus];
        *last = Some((Instant::now(), checks.clone()));
        [checks, vec![self.own_outage()]].concat()
    }
}

async fn in_time<T, E: Display>(name: &'static str, tried: impl Future<Output = Result<T, E>>) -> Check {
    let tried = tokio::time::timeout(CHECK_LIMIT, tried).await;
    tried.map_or_else(
        |_| Check { name, fault: Some(format!("no answer for {} s", CHECK_LIMIT.as_secs())) },
        |tried| Check::of(name, tried),
    )
}

#[cfg(test)]
mod hung;

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, SdkConfig};

    use super::hung::{HungLoop, run_without_an_answer};
    use super::*;

    /// The health of a worker that reaches nothing, with this liveness.
    fn health(liveness: Liveness, relay: Turns) -> WorkerHealth {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let store = Store::open(&"postgres://coppice@127.0.0.1:1/none".to_owned().into(), 2).unwrap();
        let queue = SqsQueue::connect(&config, "http://127.0.0.1:1/queue");
        let bus = EventBridgeBus::connect(&config, "none");
        WorkerHealth::new(liveness, relay, store, queue.clone(), queue, bus)
    }

    /// The answer of `/livez` when the loop has not turned and no receive was answered for so long.
    async fn livez(silence: Duration) -> (u16, String) {
        let liveness = Liveness::default();
        pass(silence).await;
        livez_of(liveness).await
    }

    async fn pass(time: Duration) {
        tokio::time::pause();
        tokio::time::sleep(time).await;
        tokio::time::resume();
    }

    async fn livez_of(liveness: Liveness) -> (u16, String) {
        livez_with(liveness, Turns::default()).await
    }

    async fn livez_with(liveness: Liveness, relay: Turns) -> (u16, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let serving = tokio::spawn(telemetry::serve_health(listener, health(liveness, relay), metrics));
        let reply = reqwest::get(format!("http://127.0.0.1:{port}/livez")).await.unwrap();
        let answer = (reply.status().as_u16(), reply.text().await.unwrap());
        serving.abort();
        answer
    }

    #[tokio::test]
    async fn livez_answers_503_when_the_loop_does_not_turn() {
        assert_eq!(livez(Duration::ZERO).await.0, 200);
        assert_eq!(livez(LONGEST_TURN / 2).await.0, 200);
        let (status, text) = livez(LONGEST_TURN + Duration::from_secs(1)).await;
        assert_eq!(status, 503);
        assert!(text.contains("loop has not turned for 31 s"), "{text}");
    }

    #[tokio::test]
    async fn livez_answers_503_when_the_relay_does_not_turn() {
        let relay = Turns::default();
        pass(LONGEST_RELAY_TURN / 2).await;
        assert_eq!(livez_with(Liveness::default(), relay.clone()).await.0, 200);
        pass(LONGEST_RELAY_TURN).await;
        let (status, text) = livez_with(Liveness::default(), relay.clone()).await;
        assert_eq!(status, 503);
        assert!(text.contains("relay has not turned for 180 s"), "{text}");
        relay.turn();
        assert_eq!(livez_with(Liveness::default(), relay).await.0, 200);
    }

    #[tokio::test]
    async fn livez_answers_503_while_code_blocks_the_loop() {
        let liveness = Liveness::default();
        let hung = HungLoop::start(liveness.clone());
        let second = Duration::from_secs(1);
        // By the real clock, by which the loop runs. One that does not hang turns four times a second.
        let silent = async {
            while liveness.since_turn() < second {
                tokio::time::sleep(second / 20).await;
            }
        };
        tokio::time::timeout(10 * second, silent).await.unwrap();
        assert_eq!(livez_of(liveness.clone()).await.0, 200, "it may still go on");
        pass(LONGEST_TURN + Duration::from_secs(1)).await;
        let (status, text) = livez_of(liveness).await;
        assert_eq!(status, 503);
        assert!(text.contains("loop has not turned for"), "{text}");
        hung.release().unwrap();
    }

    #[tokio::test]
    async fn livez_answers_503_when_no_receive_is_answered_although_the_loop_turns() {
        let liveness = Liveness::default();
        let running = tokio::spawn(run_without_an_answer(liveness.clone()));
        pass(LONGEST_RECEIVE / 2).await;
        assert_eq!(livez_of(liveness.clone()).await.0, 200, "a long poll with its retries");
        pass(LONGEST_RECEIVE / 2 + Duration::from_secs(2)).await;
        let (status, text) = livez_of(liveness).await;
        assert_eq!(status, 503);
        assert!(text.contains("no receive was answered for"), "{text}");
        running.abort();
    }
}
