//! Simulator of a Directus project: items of collections, filtered, sorted and counted.
//!
//! In: commands, HTTP requests. Out: replies shaped like those of a live Directus 11.3.5:
//! <https://directus.io/docs/api/items>, <https://directus.io/docs/guides/connect/filter-rules>. As there,
//! `date_updated` is null until the first update, a page is no larger than the server's own bound whatever is asked for,
//! and what is not there and what may not be read are both 403.
//!
//! Not simulated: writes over HTTP, other operators than those in `filter.rs`, relations, permissions by item, users. The
//! client is tried on a real server too: `crates/provider-content/tests/it/real_directus.rs`.

mod api;
mod control;
mod filter;
mod state;

use crate::{Control, Simulator};

pub use state::{PageFault, State};

/// The handle on a project.
pub type DirectusControl = Control<State>;
/// A running project.
pub type DirectusSimulator = Simulator<State>;
