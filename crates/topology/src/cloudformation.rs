//! The model as CloudFormation: plain templates, without transforms.

mod alarms;
mod parameters;
mod queues;
mod roles;
mod rules;
mod template;

use serde_json::{Value, json};

use crate::model::Model;
use crate::{Alarms, Templates};

use template::Template;
pub(crate) use template::logical_id;

pub(crate) fn render(model: &Model, alarms: Alarms) -> Templates {
    let mut topology = Template::new(
        "Coppice: the event bus, one queue and one dead-letter queue for each branch, the rules between them, and the alarms.",
    );
    queues::add(model, &mut topology);
    rules::add(model, &mut topology);
    alarms::add_topic(&mut topology);
    let mut apart = Template::new("Coppice: the alarms of the topology.");
    alarms::add(model, if alarms == Alarms::Apart { &mut apart } else { &mut topology });
    let mut roles = Template::new(
        "Coppice: one IAM role for each branch and unit that runs in Kubernetes, with the permissions that it needs and no others.",
    );
    roles::add(model, &mut roles);
    Templates {
        topology: topology.finish(model),
        alarms: (alarms == Alarms::Apart).then(|| apart.finish(model)),
        roles: roles.finish(model),
    }
}

fn sub(text: impl Into<String>) -> Value {
    json!({"Fn::Sub": text.into()})
}

fn reference(id: &str) -> Value {
    json!({"Ref": id})
}

fn attribute(id: &str, attribute: &str) -> Value {
    json!({"Fn::GetAtt": [id, attribute]})
}

fn either(condition: &str, value: Value, otherwise: Value) -> Value {
    json!({"Fn::If": [condition, value, otherwise]})
}

fn only_if(condition: &str, value: Value) -> Value {
    either(condition, value, reference("AWS::NoValue"))
}

/// A name with the prefix.
fn named(name: &str) -> Value {
    sub(format!("${{Prefix}}-{name}"))
}

/// The ARN of a resource of this account and region.
fn arn(service: &str, resource: &str) -> Value {
    sub(format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"))
}

fn queue_arn(name: &str) -> Value {
    arn("sqs", &format!("${{Prefix}}-{name}"))
}
