//! The settings of the identity-verification provider. All units that call it read the same ones.

pub use provider_identity::IdentitySettings;
