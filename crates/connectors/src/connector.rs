//! What a connector is: its description, and what its client can do. The list of all of them is [`CONNECTORS`](crate::CONNECTORS).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use authority::Role;
use event_contract::{Envelope, Origin, RecordHint, UnreadableEvent};
use provider_http::{
    Admission, ChangedPage, ChangesFrom, ConfigError, ListedPage, ProviderError, ProviderHttpConfig, Recorder,
};
use provider_webhook::Webhook;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::handed_over::{self, TableSlot};
use crate::{
    Described, Feed, Fetched, FoundSignIn, Mapping, Partner, RecordWrite, Route, SignInEvent, Written,
};

/// The description of a connector: the code that speaks one vendor's API. A source is a connector with settings and a name.
pub struct Connector {
    /// Its stable name, `auth0`, as `connector` of a source says it.
    pub name: &'static str,
    /// The vendor, for persons: `Auth0`.
    pub vendor: &'static str,
    /// What its sources can be to the organization.
    pub roles: &'static [Role],
    /// The vendor's partner event sources, if it has any.
    pub partner: Option<Partner>,
    /// What the topology's rules take of their events.
    pub routes: &'static [Route],
    /// How the vendor calls `webhook-ingress`, if it does.
    pub webhook: Option<Webhook>,
    /// If its sources accept our values, so that its client has [`Records::push`]: how it reads the properties that are written.
    pub takes: Option<Properties>,
    /// Which records an event names. Pure, and without settings: it does not know which account is read.
    pub read_event: fn(&Envelope, Origin) -> Result<RecordEvent, UnreadableEvent>,
    /// What the settings of a source, with empty texts for its secrets, say of its events. A vendor's are known without them:
    /// [`Self::not_described`].
    pub described: fn(&Value) -> Described,
    /// What each source of it has to say in the file, as a JSON schema. `coppice.toml` has them beside the common settings.
    pub settings: fn(&mut SchemaGenerator) -> Schema,
    /// Every fault of settings whose secrets are filled in or left out as empty texts.
    pub check: fn(&Value) -> Vec<SettingFault>,
    /// Makes a client that also reads the mapped fields. Nothing is sent yet.
    pub connect: fn(&Value, Mapping, Limits) -> Result<Connected, ConnectError>,
}

/// How a connector reads the properties of its records, for the check that a pushed value is read back as what it is.
#[derive(Debug, Clone, Copy)]
pub struct Properties {
    /// The field that the connector itself reads from a property, whole or in part: `mailing_address` for a city.
    pub field_of: fn(&str) -> Option<&'static str>,
    /// Where a record has a property: the JSON pointer (RFC 6901) that a source's `map` names.
    pub pointer: fn(&str) -> String,
}

/// A client of a source.
pub type Connected = Arc<dyn Records>;

/// The part of a connector that its vendor's module writes.
pub trait Vendor: Records + Sized {
    /// The settings of a source, with a [`Secret`](crate::Secret) for each secret.
    type Settings: DeserializeOwned + JsonSchema;

    /// Makes a client, with limits as `adjust` leaves them. Nothing is sent yet.
    fn client(
        settings: Self::Settings,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError>;

    /// The client, which also reads these fields of each record.
    #[must_use]
    fn mapped(self, mapping: Mapping) -> Self;

    /// The settings' schema.
    fn schema(generator: &mut SchemaGenerator) -> Schema {
        Self::Settings::json_schema(generator)
    }

    /// What is wrong with settings that have their form.
    fn faults(_: &Self::Settings) -> Vec<SettingFault> {
        Vec::new()
    }

    /// See [`Connector::check`].
    fn check(settings: &Value) -> Vec<SettingFault> {
        match Self::Settings::deserialize(settings) {
            Ok(settings) => Self::faults(&settings),
            Err(error) => vec![SettingFault { pointer: String::new(), message: error.to_string() }],
        }
    }

    /// See [`Connector::connect`].
    fn connect(settings: &Value, mapping: Mapping, limits: Limits) -> Result<Connected, ConnectError> {
        let settings = Self::Settings::deserialize(settings).map_err(ConnectError::Settings)?;
        let client = Self::client(settings, |http| limits.apply(http)).map_err(ConnectError::Client)?;
        Ok(Arc::new(client.mapped(mapping)))
    }
}

/// A fault of a source's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// Where, as a JSON pointer below the source's table.
    pub pointer: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// Why a source cannot be connected to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A setting does not have its form.
    #[error("{0}")]
    Settings(serde_json::Error),
    /// The settings do not make a client.
    #[error("{0}")]
    Client(ConfigError),
}

/// Limits of a source's HTTP client, which the file may change. `None`: the connector's own.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Of one exchange.
    pub timeout: Option<Duration>,
    /// Of a successful reply's body.
    pub max_body_bytes: Option<usize>,
    /// Of a pause after a used-up quota.
    pub longest_pause: Option<Duration>,
    /// Whether `http://` may lead to another machine.
    pub plain_http: bool,
    /// Grants each request, if the caller has a budget of its own.
    pub admission: Option<Admission>,
    /// Keeps what is sent, for a person who tries the source.
    pub recorder: Option<Recorder>,
}

impl Limits {
    fn apply(self, http: &mut ProviderHttpConfig) {
        http.timeout = self.timeout.unwrap_or(http.timeout);
        http.max_body_bytes = self.max_body_bytes.unwrap_or(http.max_body_bytes);
        http.longest_pause = self.longest_pause.unwrap_or(http.longest_pause);
        http.plain_http = self.plain_http;
        http.admission = self.admission;
        http.recorder = self.recorder;
    }
}

/// The records of a source: reads its events, and fetches by ID.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Which records an event names. As [`Connector::read_event`], and an event of another account than ours is refused.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event breaks its contract, or is from another account.
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent>;

    /// The record as the source says it is now; [`Fetched::NotModified`] if the stored copy's `known_etag` is current.
    ///
    /// # Errors
    /// Any [`ProviderError`]. A record that is not there is an answer.
    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<Fetched, ProviderError>;

    /// One cheap authenticated call, to probe an outage or to check settings at start-up.
    ///
    /// # Errors
    /// Any [`ProviderError`]: a used-up quota does not count as an answer, and a 404 means that the base URL is wrong.
    async fn ping(&self) -> Result<(), ProviderError>;

    /// Whether a deleted record may come back with the version that it had. Then a version says nothing about whether a reading is
    /// from before or after the deletion.
    fn restores_without_a_version(&self) -> bool {
        false
    }

    /// Several records in one call, if the source can do that.
    fn batches(&self) -> Option<&dyn Batches> {
        None
    }

    /// All records, and those that changed, if the source can list them.
    fn listing(&self) -> Option<&dyn Listing> {
        None
    }

    /// The sign-ins of an identity provider, if it has a log of them.
    fn sign_ins(&self) -> Option<&dyn SignIns> {
        None
    }

    /// What makes the source send its changes, if the settings ask for it.
    fn subscriptions(&self) -> Option<&dyn Subscriptions> {
        None
    }

    /// The place for the table of the records, if they were handed over. Until it is filled, no call has an answer.
    fn table(&self) -> Option<&TableSlot> {
        None
    }

    /// Writes to the source, if it accepts our values.
    fn push(&self) -> Option<&dyn Push> {
        None
    }
}

/// Reads of several records in one call.
#[async_trait]
pub trait Batches: Send + Sync {
    /// Most records of one call. Fewer than the vendor allows: after a fault, each of them is read with a call of its own.
    fn most(&self) -> usize;

    /// The records as the source says they are now: one answer for each of `ids`, in their order.
    ///
    /// # Errors
    /// Any [`ProviderError`], for all of them.
    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError>;
}

/// Lists of records: IDs and versions.
#[async_trait]
pub trait Listing: Send + Sync {
    /// One page of all records; `after` is the previous page's `next`. If a record is not listed, it may still exist.
    ///
    /// # Errors
    /// Any [`ProviderError`]. After an error, read the same page again.
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ProviderError>;

    /// One page of the records that changed since. A feed rereads a little, because a source may show a change late.
    ///
    /// # Errors
    /// Any [`ProviderError`]; [`ProviderError::Invalid`] when the source does not know the cursor, or no longer.
    async fn changes(&self, from: ChangesFrom<'_>) -> Result<ChangedPage, ProviderError>;
}

/// The log of sign-ins of an identity provider.
#[async_trait]
pub trait SignIns: Send + Sync {
    /// The sign-in that an event reports. Pure.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event breaks its contract.
    fn read_sign_in(&self, envelope: &Envelope, origin: Origin) -> Result<SignInEvent, UnreadableEvent>;

    /// The sign-in of a log entry, named by [`SignInEvent::Incomplete`].
    ///
    /// # Errors
    /// Any [`ProviderError`].
    async fn fetch_sign_in(&self, event_id: &str) -> Result<FoundSignIn, ProviderError>;
}

/// A subscription that makes the source send its changes. It ends unless it is renewed.
#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// Has a subscription: renews the one that is there when that is due, or creates one.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    async fn keep(&self) -> Result<Kept, ProviderError>;

    /// When the subscription ends. `None`: there is none, and the source sends nothing. Only reads.
    ///
    /// # Errors
    /// Any [`ProviderError`].
    async fn ends_at(&self) -> Result<Option<OffsetDateTime>, ProviderError>;
}

/// What it took to have a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing: its end is far away.
    Fresh,
    /// The one that was there lives longer now.
    Renewed,
    /// There was none. The source has not sent the changes until now.
    Created,
}

impl Kept {
    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Renewed => "renewed",
            Self::Created => "created",
        }
    }
}

/// Writes to a source.
#[async_trait]
pub trait Push: Send + Sync {
    /// The source's own name of a person's field, if the connector knows one. For any other field the policy names it.
    fn property(&self, field: &str) -> Option<&str>;

    /// Whether a property of this name can be written: it has the form of a name, and is none that only the connector or the
    /// source writes, as our key and the ID.
    fn can_write(&self, property: &str) -> bool;

    /// Writes the record with [`RecordWrite::id`], else the one with [`RecordWrite::external_key`], else a new one. A value
    /// that the source does not accept costs no other: [`Written::refused`] has it.
    ///
    /// # Errors
    /// Any [`ProviderError`]. [`ProviderError::Invalid`] with status 404: the record with that ID is gone.
    async fn upsert(&self, write: &RecordWrite) -> Result<Written, ProviderError>;
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordEvent {
    /// Read these records again. Empty: the event is well-formed, and names no record.
    Records(Vec<RecordHint>),
    /// So much has changed that the source does not say what: read all records again.
    Everything,
}

impl Connector {
    /// Of a vendor: its events are known without any settings.
    pub fn not_described(_: &Value) -> Described {
        Described::default()
    }

    /// Whether its sources have a log of sign-ins, which the topology's rules read.
    pub fn has_sign_ins(&self) -> bool {
        self.routes.iter().any(|route| route.feed == Feed::SignIns)
    }

    /// Whether its sources hand their records over, because they cannot be asked for them.
    pub fn is_handed_over(&self) -> bool {
        self.name == handed_over::NAME
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("name", &self.name).finish_non_exhaustive()
    }
}
