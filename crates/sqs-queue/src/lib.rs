//! A queue with the semantics of SQS standard queues.
//!
//! In: bodies and receipts. Out: messages, and for every entry of a batch its own result. [`SqsQueue`] is the client of the
//! real service; `MemoryQueue` (feature `test-support`) models what makes it difficult, and both pass one conformance suite.
//! This crate must not know what a message means, nor decide its disposition.

mod access_policy;
#[cfg(feature = "test-support")]
pub mod conformance;
#[cfg(feature = "test-support")]
mod memory;
mod operation;
mod queue;
mod sqs;

pub use access_policy::{Admission, admission};
#[cfg(feature = "test-support")]
pub use memory::{CallFailure, MemoryQueue, MemoryQueueConfig, MessageView};
pub use operation::Operation;
pub use queue::{
    BATCH_LIMIT, Depth, EntryError, MAX_WAIT, OutgoingMessage, Queue, QueueError, Receipt, ReceivedMessage,
    VISIBILITY_LIMIT,
};
pub use sqs::{MoveProgress, NamedQueue, QueueFacts, SqsQueue, list_queues};
