//! The settings of the identity provider. All workers that call it read the same ones.

pub use provider_sso::SsoSettings;
