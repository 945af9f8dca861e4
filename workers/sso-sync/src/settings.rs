//! Which identity provider, and how to reach it: the same for every worker that asks one.

pub use provider_sso::SsoSettings;
