//! The client passes the suite against MiniStack: a real bus, with a rule into a real queue.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use event_bus::conformance::BusUnderTest;
use event_bus::{BusEntry, BusError, EntryError, EventBridgeBus, EventBus, bus_conformance};
use local_stack::{Emulator, Tools, aws_config};
use sqs_queue::{Queue, SqsQueue};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How long the events may take from the bus to the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// The emulator that the tests of this binary share. It ends with the last of them that runs.
async fn shared_emulator() -> Arc<Emulator> {
    static SHARED: Mutex<Weak<Emulator>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let tools = Tools::locate_or_install(|progress| eprintln!("{progress}")).unwrap();
    let started = Arc::new(Emulator::start(&tools).await.unwrap());
    *shared = Arc::downgrade(&started);
    started
}

/// Buses of the emulator.
struct MiniStack {
    emulator: Arc<Emulator>,
}

impl MiniStack {
    async fn shared() -> Self {
        Self { emulator: shared_emulator().await }
    }

    /// A queue, and its ARN.
    async fn queue(&self) -> (SqsQueue, String) {
        let client = aws_sdk_sqs::Client::new(&aws_config(self.emulator.endpoint()));
        let created =
            client.create_queue().queue_name(format!("behind-{}", Uuid::now_v7())).send().await.unwrap();
        let url = created.queue_url.unwrap();
        let describe =
            client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
        let arn =
            describe.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
        (SqsQueue::connect(&aws_config(self.emulator.endpoint()), url), arn)
    }

    /// A bus whose every event goes to the queue with this ARN.
    async fn bus_into(&self, queue_arn: &str) -> EventBridgeBus {
        let client = aws_sdk_eventbridge::Client::new(&aws_config(self.emulator.endpoint()));
        let bus = format!("bus-{}", Uuid::now_v7());
        client.create_event_bus().name(&bus).send().await.unwrap();
        let rule = client.put_rule().name("everything").event_bus_name(&bus);
        rule.event_pattern(r#"{"source":[{"prefix":""}]}"#).send().await.unwrap();
        let target = Target::builder().id("queue").arn(queue_arn).build().unwrap();
        let put = client.put_targets().rule("everything").event_bus_name(&bus).targets(target);
        assert_eq!(put.send().await.unwrap().failed_entry_count(), 0);
        EventBridgeBus::connect(&aws_config(self.emulator.endpoint()), bus)
    }
}

/// A bus, and the queue behind it.
struct ObservedBus {
    bus: EventBridgeBus,
    queue: SqsQueue,
}

impl EventBus for ObservedBus {
    async fn publish(&self, entries: &[BusEntry]) -> Result<Vec<Result<(), EntryError>>, BusError> {
        self.bus.publish(entries).await
    }

    async fn verify(&self) -> Result<(), BusError> {
        self.bus.verify().await
    }
}

impl BusUnderTest for MiniStack {
    type Bus = ObservedBus;

    async fn fresh(&self) -> ObservedBus {
        let (queue, arn) = self.queue().await;
        ObservedBus { bus: self.bus_into(&arn).await, queue }
    }

    async fn missing(&self) -> ObservedBus {
        let (queue, _) = self.queue().await;
        let bus = EventBridgeBus::connect(&aws_config(self.emulator.endpoint()), "nowhere");
        ObservedBus { bus, queue }
    }

    async fn arrived(&self, bus: &ObservedBus, count: usize) -> Vec<String> {
        let limit = Instant::now() + PATIENCE;
        let mut bodies = Vec::new();
        while bodies.len() < count {
            assert!(Instant::now() < limit, "{} of {count} events arrived", bodies.len());
            let messages = bus.queue.receive(10, Duration::from_secs(1)).await.unwrap();
            bodies.extend(messages.into_iter().map(|message| message.body));
        }
        assert_eq!(bodies.len(), count);
        bodies
    }
}

bus_conformance! { [#[tokio::test]] MiniStack::shared().await }
