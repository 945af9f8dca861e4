#![doc = include_str!("../README.md")]

mod handler;
mod settings;
mod sign_in_key;
mod unknown_users;

use postgres_store::Store;
use provider_sso::SsoClient;
use worker_process::Worker;

pub use handler::{FetchedSignIn, Reason, SignIns};
pub use settings::SsoSettings;
pub use sign_in_key::SignInKey;
pub use unknown_users::{UnknownUser, UserAnswer};

/// The worker that the binary runs.
#[derive(Debug, Clone, Copy)]
pub struct AppLogin;

impl Worker for AppLogin {
    type Handler = SignIns<SsoClient>;
    type Settings = SsoSettings;

    const ABOUT: &'static str = "Counts who signs in to which application";

    fn handler(settings: SsoSettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(SignIns::new(settings.connect()?, store))
    }
}
