//! Tests only: see the modules.
//! The topology of files of sources: which branch takes which event, what is kept of it, names, limits, and the committed example.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod committed;
mod events;
mod limits;
mod pattern;
mod references;

use config::Config;
use serde_json::Value;
use topology::{Model, render};

/// The committed example's file of sources.
fn example() -> Config {
    config(include_str!("../../../../deploy/cloudformation/coppice.toml"))
}

fn config(text: &str) -> Config {
    Config::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn model(config: &Config) -> Model {
    Model::of(config).unwrap_or_else(|faults| panic!("{faults}"))
}

fn resources(config: &Config) -> serde_json::Map<String, Value> {
    render(config).unwrap_or_else(|faults| panic!("{faults}"))["Resources"].as_object().unwrap().clone()
}

/// The settings of a source of this connector.
fn source(name: &str, connector: &str, partner_sources: &[&str]) -> String {
    let partner_sources = format!("partner_sources = {partner_sources:?}");
    let own = match connector {
        "auth0" => {
            r#"role = "sso"
            client_id = "x"
            client_secret = { secret = "x" }"#
        }
        "okta" => {
            r#"role = "sso"
            api_token = { secret = "x" }"#
        }
        "scim" => {
            r#"role = "sso"
            token = { secret = "x" }"#
        }
        "salesforce" => {
            r#"role = "crm"
            client_id = "x"
            client_secret = { secret = "x" }"#
        }
        "stripe" | "persona" => {
            r#"role = "identity"
            api_key = { secret = "x" }"#
        }
        other => panic!("no settings of {other}"),
    };
    // What can be pushed is pushed.
    let push = match connector {
        "salesforce" => format!("[push.{name}]\nfields = [\"email\"]\n"),
        _ => String::new(),
    };
    format!(
        "[sources.{name}]\nconnector = \"{connector}\"\nurl = \"https://{name}.example\"\n{partner_sources}\n{own}\n{push}"
    )
}
