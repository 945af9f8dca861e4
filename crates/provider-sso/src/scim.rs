//! SCIM 2.0: any server that follows RFC 7643 and RFC 7644 (<https://www.rfc-editor.org/rfc/rfc7644>). Filters, sorting and
//! entity tags are optional: the server says what it can do, and the client works without the rest.

mod capabilities;
mod client;
mod feed;
mod list;
mod record;
pub(crate) mod settings;
mod webhook;

pub(crate) use client::read_event;
pub use client::{ScimClient, ScimConfig};
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.scim`.
pub const SOURCE: &str = "scim";
