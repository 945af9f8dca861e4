//! The items of the CMS.

mod item;
mod key;
mod listing;

pub use item::{ContentItem, ContentLoad, ContentReading, LoadedContent};
pub use key::{ContentKey, ContentScope};
pub use listing::ContentCounts;
