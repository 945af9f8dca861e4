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

use std::net::SocketAddr;
use std::ops::Deref;

use super::server::{Server, bind};

pub use control::ContentfulControl;
pub use fault::{Fault, PageFault};

/// A running environment. Derefs to its [`ContentfulControl`]. Stops listening when dropped.
#[derive(Debug)]
pub struct ContentfulSimulator {
    control: ContentfulControl,
    server: Server,
}

impl ContentfulSimulator {
    /// Starts on a free loopback port.
    pub async fn start() -> Self {
        let (listener, address) = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let control = ContentfulControl::new(address);
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, server }
    }

    /// A handle on the environment that does not borrow the simulator.
    #[must_use]
    pub fn control(&self) -> ContentfulControl {
        self.control.clone()
    }

    /// Closes the port: connections are refused, and open ones end after the request they are in.
    pub async fn refuse_connections(&mut self) {
        self.server.refuse_connections().await;
    }

    /// Opens the same port again after [`Self::refuse_connections`].
    ///
    /// # Panics
    /// When another process has taken the port.
    pub async fn accept_connections(&mut self) {
        self.server.accept_connections().await;
    }
}

impl Deref for ContentfulSimulator {
    type Target = ContentfulControl;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
