//! Simulator of a Contentful environment: the sync with its tokens, single entries and assets, how many there are.
//!
//! In: commands, HTTP requests. Out: replies shaped like those of the Content Delivery API, in all languages. Shapes:
//! <https://www.contentful.com/developers/docs/references/content-delivery-api/>. As there, a token is opaque, tells its
//! page's size, and may stand beside no other parameter; unpublishing is deletion; a first sync has no deletions; what
//! changes during a first sync is in the sync after it.
//!
//! Not simulated: drafts and the preview, the `type` of a sync, queries other than for the number of items, links between
//! items, the cache in front of the API, webhooks, a quota that fills up (see [`PageFault::RateLimited`]).

mod api;
mod control;
mod fault;
mod guard;
mod resource;
mod state;
mod sync;

use crate::{Control, Simulator};

pub use fault::{Fault, PageFault};
pub use state::State;

/// The handle on an environment.
pub type ContentfulControl = Control<State>;
/// A running environment.
pub type ContentfulSimulator = Simulator<State>;
