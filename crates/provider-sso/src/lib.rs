//! Identity providers (SSO) behind one trait. Each vendor has a folder, and a line in `sso_client.rs`.
//!
//! In: an EventBridge event, or a user's ID. Out: the IDs that an event names ([`RecordHint`]), the user as the provider says
//! it is now ([`FetchedUser`]), or a sign-in ([`SignIn`]). This crate must not know queues, tables, or what becomes of a field.

pub mod auth0;
pub mod entra;
pub mod okta;
mod provider;
pub mod scim;
mod settings;
mod sign_in;
mod sso_client;
mod user;

pub use auth0::{Auth0Client, Auth0Config, SignInTypes};
pub use entra::{Cloud, EntraAuth, EntraClient, EntraConfig};
pub use event_contract::{RecordHint, UnreadableEvent};
pub use okta::{OktaAuth, OktaClient, OktaConfig};
pub use provider::{FetchedUser, SsoProvider};
pub use provider_http::{Admission, ChangedPage, ChangesFrom, ListedPage, ListedRecord, Page, ProviderError};
pub use scim::{ScimClient, ScimConfig};
pub use settings::SsoSettings;
pub use sign_in::{FoundSignIn, SignIn, SignInEvent};
pub use sso_client::{PROVIDER_NAMES, SsoClient, read_any_event};
pub use user::{SsoIdentity, SsoUser};
