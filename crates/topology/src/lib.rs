//! The topology of a deployment: from the file of sources and the table of units to queues, rules, alarms and roles.
//!
//! In: a [`Config`]. Out: its [`branches`], a [`Model`] of what AWS has to have for them, and the CloudFormation templates that
//! are rendered from the model. Another renderer can follow without another model. This crate must not know a vendor, and calls
//! no AWS.
//!
//! * Names. A branch is `<unit>-<source>`. Every name in AWS is the prefix of the deployment, a hyphen, and the name in the model: a
//!   queue `<branch>`, its dead-letter queue `<branch>-dlq`, and the rules that feed it `<branch>-<route>`. The queue policies use
//!   that: they admit rules by the start of their name, so a policy can exist before its rules.
//! * Personal data. Partner events carry whole profiles. Every rule that hands one to a queue keeps the envelope and, inside
//!   `detail`, what its route keeps: IDs, type codes and times, under the vendor's own field names. No partner event is archived.

mod alarms;
mod branch;
mod cloudformation;
mod events;
mod fault;
mod limits;
mod model;
mod permissions;
mod transformer;
mod yaml;

use config::Config;
use serde_json::Value;

pub use branch::{Branch, Entrance, branches};
pub use fault::{Fault, Faults};
pub use model::{
    Alarm, Condition, Forward, Measure, Missing, Model, Permission, Queue, Resource, Retention, Role, Rule,
    Threshold, Trusted,
};
pub use transformer::Transformer;
pub use yaml::to_yaml;

/// The templates of a deployment. Roles are apart: they need another right to deploy, and a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Templates {
    /// Bus, archive, queues, rules and, unless they are apart, alarms: `coppice.yaml`.
    pub topology: Value,
    /// The alarms, if they have a stack of their own: `alarms.yaml`.
    pub alarms: Option<Value>,
    /// The IAM roles: `roles.yaml`.
    pub roles: Value,
}

const HEAD: &str = "\
Rendered by `coppice topology render` from a file of sources: edit that file, and render again.

Every name starts with ${Prefix}. A branch is <unit>-<source>: its queue is ${Prefix}-<branch>, its dead-letter queue
${Prefix}-<branch>-dlq, and the rules that feed it ${Prefix}-<branch>-<route>. The code of crates/topology, and routes.rs of each
connector, have the reasons.";

impl Templates {
    /// The files, with their names.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let files = [
            ("coppice.yaml", Some(&self.topology)),
            ("alarms.yaml", self.alarms.as_ref()),
            ("roles.yaml", Some(&self.roles)),
        ];
        files.into_iter().filter_map(|(name, template)| Some((name, to_yaml(HEAD, template?)))).collect()
    }
}

/// Where the alarms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarms {
    /// In the topology's template.
    Within,
    /// In a template of their own, for more sources than one template has room for.
    Apart,
}

/// The CloudFormation template of the bus, the queues, the rules and the alarms.
///
/// # Errors
/// Every fault of the file that stands in the way.
pub fn render(config: &Config) -> Result<Value, Faults> {
    Ok(templates(config, Alarms::Within)?.topology)
}

/// All templates.
///
/// # Errors
/// Every fault of the file that stands in the way.
pub fn templates(config: &Config, alarms: Alarms) -> Result<Templates, Faults> {
    let model = Model::of(config)?;
    let templates = cloudformation::render(&model, alarms);
    limits::check_templates(&templates, &model, alarms)?;
    Ok(templates)
}
