#![doc = include_str!("../README.md")]

mod handler;
mod sign_in_key;
mod unknown_users;

use connectors::Source;
use postgres_store::Store;
use worker_process::Worker;

pub use handler::{FetchedSignIn, Reason, SignIns};
pub use sign_in_key::SignInKey;
pub use unknown_users::{UnknownUser, UserAnswer};

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct AppLogin;

impl Worker for AppLogin {
    type Handler = SignIns;

    const ABOUT: &'static str = "Counts who signs in to which application";

    fn handler(source: Source, store: Store) -> anyhow::Result<Self::Handler> {
        SignIns::new(source, store)
    }
}
