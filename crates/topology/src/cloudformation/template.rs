//! A template under construction. It declares the parameters and conditions that its resources use, and no others.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::parameters;
use crate::model::Model;

pub(super) struct Template {
    description: &'static str,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl Template {
    pub(super) fn new(description: &'static str) -> Self {
        Self { description, resources: Map::new(), outputs: Map::new() }
    }

    pub(super) fn resource(&mut self, id: impl Into<String>, resource: Value) {
        self.resources.insert(id.into(), resource);
    }

    pub(super) fn output(&mut self, id: impl Into<String>, about: &str, value: Value) {
        self.outputs.insert(id.into(), json!({"Description": about, "Value": value}));
    }

    /// The same, if there is a resource only under a condition.
    pub(super) fn output_if(&mut self, condition: &str, id: &str, about: &str, value: Value) {
        self.outputs.insert(id.into(), json!({"Condition": condition, "Description": about, "Value": value}));
    }

    pub(super) fn finish(self, model: &Model) -> Value {
        let mut template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": self.description,
            "Resources": self.resources,
        });
        if !self.outputs.is_empty() {
            template["Outputs"] = Value::Object(self.outputs);
        }
        let mut used = BTreeSet::new();
        // Resources use conditions and parameters, rules and conditions use parameters.
        for part in ["Rules", "Conditions", "Parameters"] {
            names(&template, &mut used);
            let declared = match part {
                "Rules" => parameters::rules(|name| used.contains(name)),
                "Conditions" => parameters::conditions(|name| used.contains(name)),
                _ => parameters::parameters(model, |name| used.contains(name)),
            };
            if !declared.is_empty() {
                template[part] = Value::Object(declared);
            }
        }
        template
    }
}

/// The names of parameters, conditions and resources that a part refers to.
pub(crate) fn names(part: &Value, into: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("Ref" | "Condition", Value::String(name)) => drop(into.insert(name.clone())),
                    ("Fn::Sub", Value::String(text)) => in_text(text, into),
                    ("Fn::If" | "Fn::GetAtt", Value::Array(arguments)) => {
                        into.extend(arguments.first().and_then(Value::as_str).map(str::to_owned));
                        names(value, into);
                    }
                    ("Fn::Sub", Value::Array(arguments)) => {
                        if let Some(text) = arguments.first().and_then(Value::as_str) {
                            in_text(text, into);
                        }
                        names(value, into);
                    }
                    ("DependsOn", Value::Array(ids)) => {
                        into.extend(ids.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => names(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}

fn in_text(text: &str, into: &mut BTreeSet<String>) {
    for rest in text.split("${").skip(1) {
        let name = rest.split('}').next().unwrap_or_default();
        into.insert(name.split('.').next().unwrap_or_default().to_owned());
    }
}

/// The ID of a resource in a template: `sso-sync-auth0-dlq` → `SsoSyncAuth0Dlq`, with what it is at the end.
pub(crate) fn logical_id(name: &str, kind: &str) -> String {
    let capitalised = |word: &str| {
        let mut rest = word.chars();
        rest.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(rest).collect::<String>()
    };
    name.split('-').map(capitalised).collect::<String>() + kind
}
