//! Messages that failed, and what operators do with those that were dead-lettered.

mod failure;
mod message;
mod redrive;

pub use failure::{FailedAttempt, NotedFailure, RecordedFailure};
pub use message::{DeadLetteredCopy, KeptMessage};
pub use redrive::{
    MessageStanding, RedriveAction, RedriveItem, RedriveLock, RedrivePlan, RedriveProgress, UnsentItem,
};
