//! The client passes the suite against MiniStack, in real time.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use local_stack::{Emulator, Tools, aws_config};
use sqs_queue::conformance::{Departures, QueuePair, QueueUnderTest, Setup};
use sqs_queue::{Operation, OutgoingMessage, Queue, QueueError, SqsQueue, queue_conformance};
use tokio::sync::Mutex;
use uuid::Uuid;

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

/// Queues of the emulator.
struct MiniStack {
    emulator: Arc<Emulator>,
    client: Client,
}

impl MiniStack {
    async fn shared() -> Self {
        let emulator = shared_emulator().await;
        let client = Client::new(&aws_config(emulator.endpoint()));
        Self { emulator, client }
    }

    /// A new queue, and its ARN.
    async fn create(&self, attributes: HashMap<QueueAttributeName, String>) -> (SqsQueue, String) {
        let create = self.client.create_queue().queue_name(format!("conformance-{}", Uuid::now_v7()));
        let created = create.set_attributes(Some(attributes)).send().await.unwrap();
        let url = created.queue_url.unwrap();
        let describe = self.client.get_queue_attributes().queue_url(&url);
        let described = describe.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
        let arn = described.attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
        (SqsQueue::connect(&aws_config(self.emulator.endpoint()), url), arn)
    }
}

impl QueueUnderTest for MiniStack {
    type Queue = SqsQueue;

    async fn fresh(&self, setup: Setup) -> QueuePair<SqsQueue> {
        let (dead_letters, arn) = self.create(HashMap::new()).await;
        let redrive =
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{}}}"#, setup.max_receive_count);
        let visibility = setup.visibility_timeout.as_secs().to_string();
        let attributes = [
            (QueueAttributeName::VisibilityTimeout, visibility),
            (QueueAttributeName::RedrivePolicy, redrive),
        ];
        let (queue, _) = self.create(attributes.into()).await;
        QueuePair { queue, dead_letters }
    }

    fn departures(&self) -> Departures {
        Departures { refuses_old_receipts_on_delete: true, extends_expired_receipts: true }
    }
}

queue_conformance! { [#[tokio::test]] MiniStack::shared().await }

#[tokio::test]
async fn a_queue_that_does_not_exist_is_refused() {
    let emulator = shared_emulator().await;
    let url = format!("{}/000000000000/nowhere", emulator.endpoint());
    let queue = SqsQueue::connect(&aws_config(emulator.endpoint()), url);
    let refusal = queue.receive(1, Duration::ZERO).await.unwrap_err();
    assert!(matches!(&refusal, QueueError::Refused { .. }), "{refusal}");
    assert!(refusal.to_string().contains(Operation::Receive.name()));
}

/// A reader of a whole queue needs a longer visibility than the queue's own.
#[tokio::test]
async fn a_receive_can_hide_its_messages_for_longer_than_the_queue_says() {
    let subject = MiniStack::shared().await;
    let at_once = HashMap::from([(QueueAttributeName::VisibilityTimeout, String::from("0"))]);
    let (queue, _) = subject.create(at_once).await;
    queue.send(&[OutgoingMessage { body: String::from("ada"), ..OutgoingMessage::default() }]).await.unwrap();
    let hiding = queue.clone().hiding_for(Duration::from_secs(60));
    assert_eq!(hiding.receive(10, Duration::ZERO).await.unwrap().len(), 1);
    assert_eq!(queue.receive(10, Duration::ZERO).await.unwrap().len(), 0);
}
