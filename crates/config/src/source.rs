//! A source as the file declares it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use authority::{Field, FieldType, Policy, Role};
use connectors::{Admission, Connector, Limits, MappedField, Mapping, Recorder, Source};
use provider_webhook::{Secrets, Webhook};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use settings::{Reader, SettingsError};

use crate::secrets;

/// The settings that all sources share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct SourceTable {
    /// What the source is to the organization.
    #[schemars(with = "Role")]
    pub(crate) role: String,
    /// Which connector reads it.
    #[schemars(schema_with = "connector_names")]
    pub(crate) connector: String,
    /// The names of its partner event sources, such as `aws.partner/auth0.com/example/events`. Left out: its events come
    /// through `webhook-ingress`, or not at all.
    #[serde(default)]
    pub(crate) partner_sources: Vec<String>,
    /// What proves its webhooks: the secrets that it signs with, or the values of its `Authorization` header. All are accepted, so
    /// that one can be replaced. Left out: it sends no webhooks.
    #[serde(default)]
    #[schemars(with = "Vec<connectors::Secret>")]
    pub(crate) webhook_secrets: Vec<Value>,
    /// Fields that are read of each record in addition to the connector's own, or in place of them. Each has a JSON pointer
    /// (RFC 6901) into the record as the vendor answers it.
    #[serde(default)]
    #[schemars(schema_with = "pointers")]
    pub(crate) map: BTreeMap<String, String>,
    /// Longest wait for one answer, in seconds. Left out: the connector's own limit.
    #[schemars(range(min = 1, max = 25))]
    pub(crate) timeout_secs: Option<u64>,
    /// Largest answer that is read, in bytes. Left out: the connector's own limit.
    #[schemars(range(min = 65_536, max = 268_435_456))]
    pub(crate) max_body_bytes: Option<usize>,
    /// Longest pause after a quota is used up, in seconds. Left out: the connector's own limit.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) longest_pause_secs: Option<u64>,
    /// Allows `http://` to another machine. Use it only if something else encrypts, such as a service mesh.
    #[serde(default)]
    pub(crate) plain_http: bool,
}

fn connector_names(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let names: Vec<&str> = connectors::CONNECTORS.iter().map(|connector| connector.name).collect();
    schemars::json_schema!({"description": "Which connector reads it.", "enum": names})
}

/// The form of a JSON pointer to a part of a record.
pub(crate) const POINTER: &str = "^(/([^~/]|~[01])+)+$";

fn pointers(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "object", "additionalProperties": {"type": "string", "pattern": POINTER}})
}

/// The keys of [`SourceTable`].
pub(crate) const COMMON: [&str; 9] = [
    "role",
    "connector",
    "partner_sources",
    "webhook_secrets",
    "map",
    "timeout_secs",
    "max_body_bytes",
    "longest_pause_secs",
    "plain_http",
];

/// The webhooks of a source: how they are proven and read.
#[derive(Debug)]
pub struct SourceWebhooks {
    /// The source's name, which is also in the path.
    pub source: String,
    /// The vendor's part.
    pub webhook: &'static Webhook,
    /// The secrets that are live.
    pub secrets: Secrets,
    /// Whether it hands its records over instead of sending webhooks.
    pub is_handed_over: bool,
}

/// A source that the file declares: a connector with settings and a name.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// What it is to the organization.
    pub role: Role,
    /// The code that reads it.
    pub connector: &'static Connector,
    /// Its partner event sources.
    pub partner_sources: Vec<String>,
    webhook_secrets: Value,
    map: BTreeMap<String, String>,
    mapping: Mapping,
    limits: Limits,
    /// The names at which the paths of the mapped fields begin.
    pub fn mapped_roots(&self) -> BTreeSet<String> {
        let roots = self.map.values().filter_map(|pointer| pointer.split('/').nth(1));
        roots.map(|root| root.replace("~1", "/").replace("~0", "~")).collect()
    }

    /// The connector's own settings. Secrets are named.
    settings: Value,
}

impl SourceConfig {
    /// From a table that the schema has accepted.
    pub(crate) fn read(name: &str, table: &Map<String, Value>) -> Result<Self, String> {
        let common: SourceTable =
            serde_json::from_value(Value::Object(table.clone())).map_err(|error| error.to_string())?;
        let own: Map<String, Value> = table
            .iter()
            .filter(|(key, _)| !COMMON.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let settings = Value::Object(own);
        let connector = connectors::connector(&common.connector).ok_or("unknown connector")?;
        (connector.check)(&secrets::blanked(&settings)).map_err(|error| error.to_string())?;
        if !common.webhook_secrets.is_empty() && connector.webhook.is_none() {
            return Err(format!("has webhook_secrets, but {} sends no webhooks", connector.vendor));
        }
        let limits = Limits {
            timeout: common.timeout_secs.map(Duration::from_secs),
            max_body_bytes: common.max_body_bytes,
            longest_pause: common.longest_pause_secs.map(Duration::from_secs),
            plain_http: common.plain_http,
            admission: None,
            recorder: None,
        };
        let role = common.role.parse::<Role>()?;
        Ok(Self {
            name: name.to_owned(),
            role,
            connector,
            partner_sources: common.partner_sources,
            webhook_secrets: Value::Array(common.webhook_secrets),
            map: common.map,
            mapping: Mapping::default(),
            limits,
            settings,
        })
    }

    /// Takes over what the mapped fields are.
    pub(crate) fn define(&mut self, policy: &Policy) {
        let mapped = policy.fields().filter_map(|(field, definition)| {
            let pointer = self.map.get(field.as_str())?.clone();
            let is_address = definition.kind == FieldType::Address;
            Some(MappedField { field: field.clone(), pointer, is_address })
        });
        self.mapping = Mapping::new(&mapped.collect::<Vec<_>>());
    }

    /// The further fields that are read of its records.
    pub const fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Where a record has the value of a mapped field, as the file says it. `None`: the connector knows it, or nothing maps it.
    pub fn path_of(&self, field: &Field) -> Option<&str> {
        self.map.get(field.as_str()).map(String::as_str)
    }

    /// The connector's own settings. Secrets are named, not filled in.
    pub const fn settings(&self) -> &Value {
        &self.settings
    }

    /// The source without its secrets and without a connection: for what reads its events only.
    pub fn events(&self) -> connectors::SourceEvents {
        connectors::SourceEvents {
            name: Arc::from(self.name.as_str()),
            connector: self.connector,
            partner_sources: self.partner_sources.clone(),
        }
    }

    /// Its webhooks with their secrets, if it has any.
    ///
    /// # Errors
    /// Every secret that is missing or cannot be used.
    pub fn webhooks(&self, reader: &Reader) -> Result<Option<SourceWebhooks>, SettingsError> {
        let Some(webhook) = &self.connector.webhook else { return Ok(None) };
        let secrets = secrets::filled(&self.webhook_secrets, &self.name, reader)?;
        let texts = secrets.as_array().into_iter().flatten().filter_map(Value::as_str);
        let secrets = Secrets::read(texts, webhook.keys);
        let secrets = secrets
            .map_err(|error| crate::CONFIG.fault(format!("sources.{}.webhook_secrets {error}", self.name)))?;
        let (source, is_handed_over) = (self.name.clone(), self.connector.is_handed_over());
        Ok((!secrets.is_empty()).then(|| SourceWebhooks { source, webhook, secrets, is_handed_over }))
    }

    /// Connects to it. Nothing is sent yet.
    ///
    /// # Errors
    /// Every secret that is missing, or what is wrong with the settings.
    pub fn connect(&self, reader: &Reader) -> Result<Source, SettingsError> {
        self.connect_with(reader, |_| ())
    }

    /// The same, but each request waits for an admission.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_within(&self, reader: &Reader, budget: Admission) -> Result<Source, SettingsError> {
        self.connect_with(reader, |limits| limits.admission = Some(budget))
    }

    /// The same, but each request is put on record, too.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_recording(&self, reader: &Reader, recorder: Recorder) -> Result<Source, SettingsError> {
        self.connect_with(reader, |limits| limits.recorder = Some(recorder))
    }

    fn connect_with(
        &self,
        reader: &Reader,
        adjust: impl FnOnce(&mut Limits),
    ) -> Result<Source, SettingsError> {
        let settings = secrets::filled(&self.settings, &self.name, reader)?;
        let mut limits = self.limits.clone();
        adjust(&mut limits);
        let source = Source::connect(self.events(), self.role, &settings, self.mapping.clone(), limits);
        source.map_err(|error| crate::CONFIG.fault(format!("sources.{}: {error}", self.name)))
    }
}
