//! The chart's values and Secrets for the running dependencies. Only facts that are not known before: addresses, ports, the
//! stack's outputs. All other values are in `deploy/helm/coppice/ci/emulator-values.yaml`; a test compares the two.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::Context;
use local_stack::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use serde_json::{Value, json};
use simulators::directus::DirectusSimulator;
use testkit::World;

use crate::stack;

// The secret of the webhooks. It is public.
const WEBHOOK_SECRET: &str = "local-webhook-secret";

pub(super) struct ClusterValues {
    pub(super) aws_endpoint: String,
    // Its password is public.
    pub(super) database_url: String,
    stack_outputs: Vec<Value>,
    database_port: u16,
    // By name, as the example's `config.sources` has them.
    sources: Value,
    // The keys have the names that the example's `config` gives to secrets.
    source_secrets: Value,
    content: Value,
    content_token: String,
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
        // Pods cannot reach the loopback address of this machine: they use the relays at `address`.
        let loopback = "127.0.0.1";
        let address = address.to_string();
        let mut other_ports = BTreeSet::from([port(emulator)?]);
        let mut relayed = |url: String| -> anyhow::Result<String> {
            other_ports.insert(port(&url)?);
            Ok(url.replace(loopback, &address))
        };
        let sources = json!({
            "auth0": {
                "url": relayed(world.idp.base_url())?,
                "client_id": world.idp.client_id(),
                // It looks like a URL, but it is only a name.
                "audience": world.idp.audience(),
            },
            "salesforce": {"url": relayed(world.crm.base_url())?, "client_id": world.crm.client_id()},
            "stripe": {"url": relayed(world.verifier.base_url())?},
        });
        let content_settings = json!({"COPPICE_DIRECTUS_URL": relayed(content.base_url())?});
        Ok(Self {
            aws_endpoint: emulator.replace(loopback, &address),
            stack_outputs: stack::outputs(&world.topology),
            database_port: port(database_url)?,
            // This Postgres has no certificate, and for pods it is on another machine.
            database_url: format!("{}?sslmode=disable", database_url.replace(loopback, &address)),
            sources,
            source_secrets: json!({
                "auth0-client-secret": world.idp.client_secret(),
                "salesforce-client-secret": world.crm.client_secret(),
                "stripe-api-key": world.verifier.api_key(),
                "auth0-webhook": WEBHOOK_SECRET,
                "stripe-webhook": WEBHOOK_SECRET,
            }),
            content: content_settings,
            content_token: content.token().to_owned(),
            other_ports,
        })
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.other_ports.iter().copied().chain([self.database_port])
    }

    pub(super) fn values(&self) -> Value {
        let ports: Vec<Value> =
            self.other_ports.iter().map(|port| json!({"protocol": "TCP", "port": port})).collect();
        json!({
            "stackOutputs": self.stack_outputs,
            "aws": {"endpointUrl": self.aws_endpoint},
            "database": {"port": self.database_port},
            "config": {"sources": self.sources},
            "content": {"settings": self.content},
            "networkPolicy": {"extraEgress": [{"ports": ports}]},
        })
    }

    pub(super) fn secrets(&self) -> Value {
        let secret = |name: &str, data: Value| {
            json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("coppice-{name}")}, "stringData": data,
            })
        };
        let aws = json!({"AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY});
        let all = [
            secret("sources", self.source_secrets.clone()),
            secret("content", json!({"COPPICE_DIRECTUS_TOKEN": self.content_token})),
            secret("aws", aws),
            secret("database", json!({"DATABASE_URL": self.database_url})),
        ];
        json!({"apiVersion": "v1", "kind": "List", "items": all})
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

    /// The names in every `{secret: …}` of a document.
    fn named_secrets(document: &Value, found: &mut BTreeSet<String>) {
        for (key, value) in document.as_object().into_iter().flatten() {
            match value.as_str() {
                Some(name) if key == "secret" => drop(found.insert(name.to_owned())),
                _ => named_secrets(value, found),
            }
        }
        document.as_array().into_iter().flatten().for_each(|value| named_secrets(value, found));
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
        let sources = values["config"]["sources"].as_object().unwrap().values();
        let urls = sources.map(|source| &source["url"]);
        let urls: Vec<_> = urls.chain([&values["content"]["settings"]["COPPICE_DIRECTUS_URL"]]).collect();
        assert_eq!(urls.len(), 4);
        urls.iter().for_each(|url| assert!(url.as_str().unwrap().starts_with("http://192.0.2.1:"), "{url}"));
    }

    #[tokio::test]
    async fn every_secret_of_the_example_exists_with_its_keys() {
        let example = example();
        let secrets = values().await.secrets();
        let named = |name: &str| {
            let items = secrets["items"].as_array().unwrap();
            items.iter().find(|secret| secret["metadata"]["name"] == name).unwrap()["stringData"].clone()
        };
        let mut wanted = BTreeSet::new();
        named_secrets(&example["config"], &mut wanted);
        assert_eq!(wanted.len(), 5);
        let sources = named(example["secrets"]["existingSecret"].as_str().unwrap());
        let given: BTreeSet<String> = sources.as_object().unwrap().keys().cloned().collect();
        assert_eq!(given, wanted);
        let content = &example["content"]["secret"];
        let data = named(content["name"].as_str().unwrap());
        for key in content["keys"].as_array().unwrap() {
            assert!(data.get(key.as_str().unwrap()).is_some(), "{key}");
        }
        let database = named(example["database"]["secret"]["name"].as_str().unwrap());
        let url = database["DATABASE_URL"].as_str().unwrap();
        assert!(url.contains("@192.0.2.1:") && url.ends_with("?sslmode=disable"), "{url}");
        let aws = named(example["aws"]["credentialsSecret"].as_str().unwrap());
        assert_eq!(aws["AWS_ACCESS_KEY_ID"], ACCESS_KEY_ID);
    }
}
