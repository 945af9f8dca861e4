//! The chart's values and Secrets for the running dependencies. Only facts that are not known before: addresses, ports, the
//! stack's outputs. All other values are in `deploy/helm/coppice/ci/emulator-values.yaml`; a test compares the two.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::Context;
use local_stack::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use serde_json::{Value, json};
use simulators::directus::DirectusSimulator;
use testkit::World;

use crate::stack;

// The secret of the webhooks. It is public.
const WEBHOOK_SECRET: &str = "local-webhook-secret";

struct Provider {
    role: &'static str,
    settings: Vec<(&'static str, String)>,
    secret: (&'static str, String),
}

pub(super) struct ClusterValues {
    pub(super) aws_endpoint: String,
    // Its password is public.
    pub(super) database_url: String,
    stack_outputs: Vec<Value>,
    database_port: u16,
    providers: Vec<Provider>,
    other_ports: BTreeSet<u16>,
}

impl ClusterValues {
    /// The values for all that runs in `world`, as pods reach it at `address`.
    pub(super) fn of(
        world: &World,
        content: &DirectusSimulator,
        database_url: &str,
        address: Ipv4Addr,
    ) -> anyhow::Result<Self> {
        let emulator = world.emulator_endpoint();
        let mut providers = vec![
            Provider {
                role: "sso",
                settings: vec![
                    ("COPPICE_AUTH0_URL", world.idp.base_url()),
                    ("COPPICE_AUTH0_CLIENT_ID", world.idp.client_id().to_owned()),
                    ("COPPICE_AUTH0_AUDIENCE", world.idp.audience()),
                ],
                secret: ("COPPICE_AUTH0_CLIENT_SECRET", world.idp.client_secret().to_owned()),
            },
            Provider {
                role: "crm",
                settings: vec![
                    ("COPPICE_SALESFORCE_URL", world.crm.base_url()),
                    ("COPPICE_SALESFORCE_CLIENT_ID", world.crm.client_id().to_owned()),
                ],
                secret: ("COPPICE_SALESFORCE_CLIENT_SECRET", world.crm.client_secret().to_owned()),
            },
            Provider {
                role: "identity",
                settings: vec![("COPPICE_STRIPE_URL", world.verifier.base_url())],
                secret: ("COPPICE_STRIPE_API_KEY", world.verifier.api_key().to_owned()),
            },
            Provider {
                role: "content",
                settings: vec![("COPPICE_DIRECTUS_URL", content.base_url())],
                secret: ("COPPICE_DIRECTUS_TOKEN", content.token().to_owned()),
            },
        ];
        // Pods cannot reach the loopback address of this machine: they use the relays at `address`.
        let loopback = "127.0.0.1";
        let address = address.to_string();
        let mut other_ports = BTreeSet::from([port(emulator)?]);
        for provider in &mut providers {
            // The simulators have no certificate, and for pods they are on another machine.
            let name = match provider.role {
                "sso" => "COPPICE_SSO_PLAIN_HTTP",
                "crm" => "COPPICE_CRM_PLAIN_HTTP",
                "identity" => "COPPICE_IDENTITY_PLAIN_HTTP",
                _ => "COPPICE_CONTENT_PLAIN_HTTP",
            };
            provider.settings.push((name, String::from("true")));
        }
        for (name, value) in providers.iter_mut().flat_map(|provider| &mut provider.settings) {
            // An audience looks like a URL, but it is only a name.
            if name.ends_with("_URL") {
                other_ports.insert(port(value)?);
                *value = value.replace(loopback, &address);
            }
        }
        Ok(Self {
            aws_endpoint: emulator.replace(loopback, &address),
            stack_outputs: stack::outputs(&world.topology),
            database_port: port(database_url)?,
            // This Postgres has no certificate, and for pods it is on another machine.
            database_url: format!("{}?sslmode=disable", database_url.replace(loopback, &address)),
            providers,
            other_ports,
        })
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.other_ports.iter().copied().chain([self.database_port])
    }

    pub(super) fn values(&self) -> Value {
        let settings = |provider: &Provider| {
            let settings: BTreeMap<_, _> = provider.settings.iter().cloned().collect();
            (provider.role.to_owned(), json!({"settings": settings}))
        };
        let ports: Vec<Value> =
            self.other_ports.iter().map(|port| json!({"protocol": "TCP", "port": port})).collect();
        json!({
            "stackOutputs": self.stack_outputs,
            "aws": {"endpointUrl": self.aws_endpoint},
            "database": {"port": self.database_port},
            "providers": self.providers.iter().map(settings).collect::<serde_json::Map<_, _>>(),
            "networkPolicy": {"extraEgress": [{"ports": ports}]},
        })
    }

    pub(super) fn secrets(&self) -> Value {
        let secret = |name: &str, data: Value| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("coppice-{name}")}, "stringData": data,
            })
        };
        let of_providers = self.providers.iter().map(|provider| {
            let (key, value) = &provider.secret;
            secret(provider.role, json!({*key: value}))
        });
        let aws = json!({"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY});
        let webhooks = json!({
            "COPPICE_STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET, "COPPICE_AUTH0_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        });
        let others = [
            secret("aws", aws),
            secret("database", json!({"DATABASE_URL": self.database_url})),
            secret("webhooks", webhooks),
        ];
        json!({"apiVersion": "v1", "kind": "List", "items": of_providers.chain(others).collect::<Vec<_>>()})
    }
}

fn port(url: &str) -> anyhow::Result<u16> {
    let after = url.rsplit_once("127.0.0.1:").map(|(_, after)| after);
    let digits = after.and_then(|after| after.split('/').next()).and_then(|digits| digits.parse().ok());
    digits.with_context(|| format!("{url} is at no port of 127.0.0.1"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::COLLECTION;
    use super::*;

    /// Every place in a document that holds no object, as its path.
    fn leaves(document: &Value, path: &str, found: &mut BTreeSet<String>) {
        match document.as_object() {
            Some(object) => {
                object.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), found));
            }
            None => drop(found.insert(path.to_owned())),
        }
    }

    fn example() -> Value {
        let path = crate::chart::folder().join("ci/emulator-values.yaml");
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    async fn values() -> ClusterValues {
        let (world, content) = tokio::join!(World::start_with_emulator(), DirectusSimulator::start());
        content.create_collections(&[COLLECTION]);
        ClusterValues::of(&world, &content, world.database_url(), "192.0.2.1".parse().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_values_replace_only_keys_of_the_example_and_all_of_its_addresses() {
        let example = example();
        let (mut known, mut replaced) = (BTreeSet::new(), BTreeSet::new());
        leaves(&example, "", &mut known);
        let values = values().await.values();
        leaves(&values, "", &mut replaced);
        assert_eq!(replaced.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
        let kept: Vec<&String> = known.difference(&replaced).collect();
        for path in kept {
            let text = example.pointer(path).unwrap().to_string();
            assert!(!text.contains("10.0.0.1") && !text.contains("1800"), "{path} stays {text}");
        }
        for url in values["providers"].as_object().unwrap().values() {
            let settings = url["settings"].as_object().unwrap();
            let places = settings.iter().filter(|(name, _)| name.ends_with("_URL"));
            places.for_each(|(_, url)| assert!(url.as_str().unwrap().starts_with("http://192.0.2.1:")));
        }
    }

    #[tokio::test]
    async fn every_secret_of_the_example_exists_with_its_keys() {
        let example = example();
        let secrets = values().await.secrets();
        let named = |name: &str| {
            let items = secrets["items"].as_array().unwrap();
            items.iter().find(|secret| secret["metadata"]["name"] == name).unwrap()["stringData"].clone()
        };
        let providers = example["providers"].as_object().unwrap().values();
        for of in providers.chain(example["workers"].as_object().unwrap().values()) {
            let data = named(of["secret"]["name"].as_str().unwrap());
            for key in of["secret"]["keys"].as_array().unwrap() {
                assert!(data.get(key.as_str().unwrap()).is_some(), "{key}");
            }
        }
        let database = named(example["database"]["secret"]["name"].as_str().unwrap());
        let url = database["DATABASE_URL"].as_str().unwrap();
        assert!(url.contains("@192.0.2.1:") && url.ends_with("?sslmode=disable"), "{url}");
        let aws = named(example["aws"]["credentialsSecret"].as_str().unwrap());
        assert_eq!(aws["AWS_ACCESS_KEY_ID"], ACCESS_KEY_ID);
    }
}
