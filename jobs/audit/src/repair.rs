//! Sends divergent records to a resync queue, whose worker reads them again as after any event. Writes no row.

use std::fmt::Display;

use event_contract::resync_message;
use job_process::JobError;
use sqs_queue::{BATCH_LIMIT, OutgoingMessage, Queue, SqsQueue};

pub(crate) async fn enqueue(queue: &SqsQueue, source: &str, ids: &[&str]) -> Result<usize, JobError> {
    let mut sent = 0;
    // Safe to run again: a record that is sent twice is read twice.
    for batch in ids.chunks(BATCH_LIMIT) {
        let message = |id: &&str| OutgoingMessage { body: resync_message(source, id), ..Default::default() };
        let messages: Vec<OutgoingMessage> = batch.iter().map(message).collect();
        let results = queue.send(&messages).await.map_err(|error| partly(source, sent, ids.len(), &error))?;
        sent += results.iter().filter(|result| result.is_ok()).count();
        if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
            return Err(partly(source, sent, ids.len(), error));
        }
    }
    Ok(sent)
}

fn partly(source: &str, sent: usize, wanted: usize, error: &dyn Display) -> JobError {
    JobError::Failed(format!(
        "{sent} of {wanted} record(s) of {source} were sent to the queue, then: {error}"
    ))
}
