//! What an operator does with a running forest: look at persons, try and apply policies, decide links, redrive or drop
//! dead-lettered messages, check a unit's dependencies, try a source.
//!
//! In: typed arguments, a [`Store`](postgres_store::Store), [`dlq::DeadLetterQueues`], settings through a
//! [`Reader`](settings::Reader). Out: reports that serialise, and [`OperationError`]. This crate must not know command lines,
//! terminals, exit codes or how a report looks. It reads no environment variable itself, but `doctor` asks the AWS SDK's
//! default chain for credentials.

pub mod config;
pub mod dlq;
pub mod doctor;
pub mod draft;
pub mod link;
pub mod person;
pub mod record;
pub mod retention;
pub mod source;

mod error;

pub use error::{ErrorKind, OperationError};
