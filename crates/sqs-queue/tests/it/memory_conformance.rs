//! The model passes the suite, on paused time.

use sqs_queue::conformance::{QueuePair, QueueUnderTest, Setup};
use sqs_queue::{MemoryQueue, MemoryQueueConfig, queue_conformance};

struct Memory;

impl QueueUnderTest for Memory {
    type Queue = MemoryQueue;

    async fn fresh(&self, setup: Setup) -> QueuePair<MemoryQueue> {
        let dead_letters = MemoryQueue::default();
        let queue = MemoryQueue::new(MemoryQueueConfig {
            visibility_timeout: setup.visibility_timeout,
            redrive: Some((dead_letters.clone(), setup.max_receive_count)),
        });
        QueuePair { queue, dead_letters }
    }
}

queue_conformance! { [#[tokio::test(start_paused = true)]] Memory }
