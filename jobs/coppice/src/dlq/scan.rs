//! Looks at every letter of a queue, and leaves them where they are.

use std::collections::HashSet;
use std::time::Duration;

use job_process::JobError;
use sqs_queue::{BATCH_LIMIT, Queue, Receipt, ReceivedMessage, SqsQueue};
use tokio_util::sync::CancellationToken;

use super::fleet::refused;

/// How long a look hides a letter: longer than it takes to look at all of them, since one that comes back too early is
/// met twice, and no longer, since whoever is killed in the middle keeps the letters from others for this time. A receive
/// of ten takes SQS some 15 ms.
const HIDDEN_AT_LEAST: Duration = Duration::from_secs(30);
const HIDDEN_FOR_EACH: Duration = Duration::from_millis(10);

/// One receive may be empty though the queue is not: SQS asks some of its servers only.
const EMPTY_LOOKS: u32 = 2;

const WAIT: Duration = Duration::from_secs(1);

/// A queue's letters, each once, by way of receives that hide them from the next one.
pub(super) struct Look {
    queue: SqsQueue,
    seen: HashSet<String>,
    empty: u32,
}

impl Look {
    pub(super) async fn at(queue: &SqsQueue) -> Result<Self, JobError> {
        let depth = queue.depth().await.map_err(|error| refused(&error))?;
        let letters = u32::try_from(depth.visible + depth.in_flight).unwrap_or(u32::MAX);
        let hidden = HIDDEN_AT_LEAST + HIDDEN_FOR_EACH * letters;
        Ok(Self { queue: queue.clone().hiding_for(hidden), seen: HashSet::new(), empty: 0 })
    }

    /// The next letters that were not seen yet. `None`: there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<ReceivedMessage>>, JobError> {
        while self.empty < EMPTY_LOOKS {
            let received = self.queue.receive(BATCH_LIMIT, WAIT).await.map_err(|error| refused(&error))?;
            // Letters that have become visible again were seen, and mean that the round is over.
            let fresh: Vec<_> =
                received.into_iter().filter(|one| self.seen.insert(one.message_id.clone())).collect();
            if !fresh.is_empty() {
                self.empty = 0;
                return Ok(Some(fresh));
            }
            self.empty += 1;
        }
        Ok(None)
    }

    /// Makes letters visible again at once. One that stays hidden comes back by itself.
    pub(super) async fn give_back(&self, receipts: &[Receipt]) {
        for batch in receipts.chunks(BATCH_LIMIT) {
            let entries: Vec<_> = batch.iter().map(|receipt| (receipt.clone(), Duration::ZERO)).collect();
            self.queue.change_visibility(&entries).await.ok();
        }
    }
}

/// Hands up to `limit` letters to `take`, and gives them all back. Answers how many there were.
pub(super) async fn scan(
    queue: &SqsQueue,
    limit: usize,
    stop: &CancellationToken,
    mut take: impl FnMut(ReceivedMessage),
) -> Result<usize, JobError> {
    let mut look = Look::at(queue).await?;
    let mut receipts = Vec::new();
    let mut ended = Ok(());
    while receipts.len() < limit && !stop.is_cancelled() {
        match look.next().await {
            Ok(Some(letters)) => {
                for letter in letters {
                    receipts.push(letter.receipt.clone());
                    take(letter);
                }
            }
            Ok(None) => break,
            Err(failure) => {
                ended = Err(failure);
                break;
            }
        }
    }
    look.give_back(&receipts).await;
    ended?;
    if stop.is_cancelled() {
        return Err(JobError::Stopped(String::from(
            "stopped while looking at the letters; nothing was done",
        )));
    }
    Ok(receipts.len())
}

#[cfg(test)]
mod tests {
    use testkit::FastAws;

    use super::*;

    #[tokio::test]
    async fn a_letter_that_is_visible_again_is_not_met_twice() {
        let aws = FastAws::start().await;
        let (url, _) = aws.create_queue("letters", Duration::from_secs(60), 10);
        aws.send("letters", ["one", "two"].map(String::from));
        let queue = SqsQueue::connect(&local_stack::aws_config(aws.endpoint()), url);
        let mut look = Look::at(&queue).await.unwrap();
        let mut met = Vec::new();
        while met.len() < 2 {
            met.extend(look.next().await.unwrap().unwrap().into_iter().map(|letter| letter.receipt));
        }
        look.give_back(&met).await;
        assert_eq!(aws.depth("letters"), (2, 0), "they are visible again");
        assert!(look.next().await.unwrap().is_none(), "the round is over");
    }
}
