//! Sends IDs to the source's resync queue. Each attempt sends what the one before has left.

use std::time::Duration;

use event_contract::resync_message;
use job_process::JobError;
use sqs_queue::{BATCH_LIMIT, EntryError, OutgoingMessage, Queue, QueueError, SqsQueue};

const ATTEMPTS: u32 = 7;
/// First wait after a failed attempt; doubled with each: in all some 13 s.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn connect(url: &str) -> Result<SqsQueue, JobError> {
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let queue = SqsQueue::connect(&config, url);
    // Before anything is written: what cannot be sent must not be stored.
    let there = queue.depth().await;
    there.map_err(|error| JobError::Failed(format!("queue (COPPICE_QUEUE_URL): {error}")))?;
    Ok(queue)
}

pub(crate) async fn send(queue: &SqsQueue, source: &str, ids: &[String]) -> Result<(), JobError> {
    for ids in ids.chunks(BATCH_LIMIT) {
        let message = |id: &String| OutgoingMessage { body: resync_message(source, id), ..OutgoingMessage::default() };
        let mut left: Vec<OutgoingMessage> = ids.iter().map(message).collect();
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            }
            match queue.send(&left).await {
                Ok(results) => {
                    let mut failed = Vec::new();
                    for (message, result) in left.into_iter().zip(results) {
                        match result {
                            Ok(()) => {}
                            Err(EntryError::Unavailable { code }) => {
                                last = code;
                                failed.push(message);
                            }
                            Err(error) => return Err(JobError::Failed(error.to_string())),
                        }
                    }
                    left = failed;
                }
                Err(error @ QueueError::Refused { .. }) => return Err(JobError::Failed(error.to_string())),
                Err(error @ QueueError::Unavailable { .. }) => last = error.to_string(),
            }
            if left.is_empty() {
                break;
            }
        }
        if !left.is_empty() {
            return Err(JobError::Failed(format!("SQS takes no message: {last}; run again to resume")));
        }
    }
    Ok(())
}
