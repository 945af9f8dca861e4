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

use std::net::SocketAddr;
use std::ops::Deref;

use super::server::{Server, bind};

pub use control::DirectusControl;
pub use state::PageFault;

/// A running project. Derefs to its [`DirectusControl`]. Stops listening when dropped.
#[derive(Debug)]
pub struct DirectusSimulator {
    control: DirectusControl,
    _server: Server,
}

impl DirectusSimulator {
    /// Starts on a free loopback port, with these collections.
    pub async fn start(collections: &[&str]) -> Self {
        let (listener, address) = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let control = DirectusControl::new(address, collections);
        let server = Server::new(listener, address, api::router(control.clone()));
        Self { control, _server: server }
    }

    /// A handle on the project that does not borrow the simulator.
    #[must_use]
    pub fn control(&self) -> DirectusControl {
        self.control.clone()
    }
}

impl Deref for DirectusSimulator {
    type Target = DirectusControl;

    fn deref(&self) -> &Self::Target {
        &self.control
    }
}
