//! Okta: System Log events in, Users API and System Log API out. Some events are lost, since Okta tries a delivery only twice:
//! <https://help.okta.com/en-us/content/topics/reports/log-streaming/add-aws-eb-log-stream.htm>.

mod changes;
mod client;
mod config;
mod feed;
mod listing;
mod log_event;
mod record;
pub(crate) mod settings;
mod sign_in;
mod webhook;

pub(crate) use changes::read_event;
pub use client::OktaClient;
pub use config::{OktaAuth, OktaConfig};
pub use webhook::WEBHOOK;

/// The source's name in rows, and in `coppice.ingress.okta`.
pub const SOURCE: &str = "okta";

const PARTNER_SOURCE_PREFIX: &str = "aws.partner/okta.com/";
