//! Every reader of input from outside, called with malformed input.
//!
//! In: any bytes. Out: nothing, or a panic that says which promise was broken. A reader may refuse any input, but it never
//! panics, never quotes the input in an error, and never returns an empty ID.
//!
//! Each function of [`TARGETS`] is used twice: by this crate's test, with seeds and a few thousand mutations of them, and by
//! libFuzzer in `fuzz/`, for any time. Seeds are the recorded events of the connectors and of `deploy/cloudformation`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken promise is a panic")]

mod answers;
mod content_answers;
mod contents;
mod corpus;
mod crm_answers;
mod descriptions;
mod events;
mod identity_answers;
mod marker;
mod mutation;
mod policy;
mod replies;
mod signature;
mod sso_answers;
mod webhooks;

pub use answers::{Answer, Place, Reading, check};
pub use content_answers::content_answers;
pub use crm_answers::crm_answers;
pub use descriptions::rest_description;
pub use events::{
    auth0_event, entra_event, envelope_announcement, handed_over_event, hubspot_event, okta_event,
    persona_event, rest_event, salesforce_event, scim_event, sign_in, stripe_event,
};
pub use identity_answers::identity_answers;
pub use marker::MARKER;
pub use mutation::mutated;
pub use policy::policy_file;
pub use replies::reply_body;
pub use sso_answers::sso_answers;
pub use webhooks::{SENDERS, webhook_any, webhook_stripe};

/// One reader of input from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, here and in `fuzz/`.
    pub name: &'static str,
    /// Reads any bytes.
    ///
    /// # Panics
    /// When a promise is broken.
    pub run: fn(&[u8]),
    /// Well-formed inputs, to be mutated.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 17] = [
    Target { name: "envelope_announcement", run: envelope_announcement, seeds: corpus::events },
    Target { name: "auth0_event", run: auth0_event, seeds: corpus::events },
    Target { name: "entra_event", run: entra_event, seeds: corpus::events },
    Target { name: "okta_event", run: okta_event, seeds: corpus::events },
    Target { name: "rest_event", run: rest_event, seeds: corpus::events },
    Target { name: "scim_event", run: scim_event, seeds: corpus::events },
    Target { name: "salesforce_event", run: salesforce_event, seeds: corpus::events },
    Target { name: "hubspot_event", run: hubspot_event, seeds: corpus::events },
    Target { name: "stripe_event", run: stripe_event, seeds: corpus::events },
    Target { name: "persona_event", run: persona_event, seeds: corpus::events },
    Target { name: "handed_over_event", run: handed_over_event, seeds: corpus::events },
    Target { name: "sign_in", run: sign_in, seeds: corpus::events },
    Target { name: "webhook_stripe", run: webhook_stripe, seeds: corpus::stripe_bodies },
    Target { name: "webhook_any", run: webhook_any, seeds: corpus::webhooks },
    Target { name: "policy_file", run: policy_file, seeds: corpus::policies },
    Target { name: "reply_body", run: reply_body, seeds: corpus::replies },
    Target { name: "rest_description", run: rest_description, seeds: descriptions::seeds },
];
