//! Which person a record belongs to: by a key that proves it, by a merge at the source, or by an operator's decision.

pub(crate) mod by_key;
mod command;
mod decision;
pub(crate) mod links;
pub(crate) mod merging;
pub(crate) mod review;
pub(crate) mod rule;

pub use command::{Author, AuthorError, LinkCommand, LinkRefusal, LinkReport, Move};
pub use review::OpenReview;
