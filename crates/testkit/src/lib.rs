//! What tests and the local stack stand on instead of the real world.
//!
//! In: commands of a test or of the developer tool. Out: things that behave like the outside: simulators of
//! providers, with faults on command. Nothing that is deployed may depend on this crate, and it must not depend on
//! what it stands in for: a simulator is written from the provider's documentation, not from our client.

mod aws_proxy;
pub mod bad_cases;
mod binaries;
mod chaos;
mod crm_pump;
mod fast_aws;
mod job;
mod local_stripe;
mod scim_server;
pub mod services;
pub mod simulators;
mod worker;
mod world;

pub use aws_proxy::{AwsProxy, Hold};
pub use binaries::{INGRESS, OPERATORS_TOOL, build_units, unit_binary, workers};
pub use chaos::Chaos;
pub use crm_pump::CrmPump;
pub use fast_aws::{Deletion, FastAws, PublishedEvent};
pub use job::{Job, Said};
pub use local_stripe::LocalStripe;
pub use scim_server::ScimServer;
pub use worker::Worker;
pub use world::{Aws, DeadLettered, PATIENCE, PersonRow, Setup, World};
