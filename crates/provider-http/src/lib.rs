//! The HTTP core of all connectors.
//!
//! In: a base URL, credentials, a path and a query. Out: an [`Answer`], or a [`ProviderError`] whose variants say what the
//! caller should do. This crate must not know any provider's record, event or table, and must not log. No error contains a
//! token, a secret, a query string or a body, because the caller may print it.

mod admission;
mod answer;
mod assertion;
mod auth;
mod body;
mod call;
mod client;
mod config;
mod credential;
mod endpoint;
mod error;
mod event_stream;
mod exchange;
mod grant;
pub mod json;
pub mod lenient;
mod link;
mod listing;
mod meaning;
mod pace;
mod page;
mod rate_limit;
mod record_id;
#[cfg(feature = "test-support")]
mod test_key;
#[cfg(feature = "test-support")]
pub mod test_server;
mod token;
mod token_request;
mod vendors;
mod wire;

pub use admission::{Admission, NotAdmitted};
pub use answer::{Absence, Answer};
pub use auth::Auth;
pub use client::ProviderHttp;
pub use config::{Codes, ProviderHttpConfig, ReadError};
pub use error::{ConfigError, Outage, ProviderError};
pub use event_stream::StreamedEvent;
pub use listing::{ChangedPage, ChangesFrom, ListedPage, ListedRecord, readable_records};
pub use pace::Pace;
pub use page::{Page, PageSize};
pub use rate_limit::QuotaHeaders;
pub use record_id::record_id;
#[cfg(feature = "test-support")]
pub use test_key::{TestKey, pem};
pub use vendors::UnknownProvider;
pub use wire::{Exchanged, Recorder};
