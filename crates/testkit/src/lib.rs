//! Replaces AWS and the providers in tests and in the local stack: worlds with simulators, a stub of SQS and EventBridge, and
//! the units' real binaries. No deployed binary may depend on this crate.

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
pub use world::{
    Aws, DeadLettered, ENTRA, HUBSPOT, OKTA, PATIENCE, PERSONA, PersonRow, SCIM, STAFF, Setup, World,
    entra_settings, hubspot_settings, okta_settings, scim_settings, staff_settings,
};
