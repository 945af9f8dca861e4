//! What the file says of an API: the tables of a source with the connector `rest`. Their compiled form is made by `compile`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use url::Url;

use super::events::EventsTable;
use super::push::PushTable;
use crate::Secret;

/// A source with the connector `rest`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestConfig {
    /// Where the API's paths begin. No request goes anywhere else.
    pub url: Url,
    /// How requests prove who sends them.
    pub auth: AuthTable,
    /// Headers of each request, such as `Accept` or a version. None of them is secret: see `auth`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Reads one record.
    pub fetch: FetchTable,
    /// Reads several records in one call. Left out: each is read alone.
    pub batch: Option<BatchTable>,
    /// Lists all records. Left out: no resync and no audit is possible.
    pub list: Option<ListTable>,
    /// Lists the records that changed since a time, in the form of `list`.
    pub changes: Option<ChangesTable>,
    /// Events that report a change: on the bus, or by webhook. Left out: the records are listed from time to time, and webhooks are
    /// Standard Webhooks with `data.id`.
    pub events: Option<EventsTable>,
    /// How the API accepts our values. Left out: it gets none.
    pub push: Option<PushTable>,
    /// A path that answers any JSON, to see whether the API is up. Left out: `list`.
    pub ping: Option<String>,
    /// Where a record has the value of each field; in `key`, our key; in `verified_email`, an address that the API has verified, by
    /// which records are linked. A condition belongs to it, unless every address is verified.
    pub map: BTreeMap<String, MapEntry>,
    /// How many requests the API accepts.
    #[serde(default)]
    pub limits: LimitsTable,
}

/// How many requests an API accepts. Each pod counts for itself.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsTable {
    /// Most requests at once.
    #[serde(default = "concurrent")]
    #[schemars(range(min = 1, max = 64))]
    pub concurrent: u16,
    /// Most requests in a second. Left out: any number.
    #[schemars(range(min = 1))]
    pub per_second: Option<NonZeroU32>,
    /// Most requests in a day, spread over it: an hour's share may be used at once. Left out: any number.
    #[schemars(range(min = 1))]
    pub per_day: Option<NonZeroU32>,
    /// The header with the number of requests that remain. `Retry-After` and the usual names are known. Needs `reset`.
    pub remaining: Option<String>,
    /// The header with the time of the reset.
    pub reset: Option<String>,
    /// How the reset is written. Left out: `seconds`.
    pub reset_format: Option<ResetFormat>,
}

impl Default for LimitsTable {
    fn default() -> Self {
        Self {
            concurrent: concurrent(),
            per_second: None,
            per_day: None,
            remaining: None,
            reset: None,
            reset_format: None,
        }
    }
}

/// How the reset of a quota is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetFormat {
    /// Seconds from now.
    Seconds,
    /// Seconds since 1970.
    Unix,
}

const fn concurrent() -> u16 {
    8
}

/// How requests prove who sends them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuthTable {
    /// They do not. The network decides who may ask.
    None,
    /// A fixed token.
    Bearer {
        /// The token.
        token: Secret,
    },
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A header of the API's own.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: Secret,
    },
    /// OAuth 2.0 client credentials with a secret in the body, or in the `Authorization` header.
    Oauth2 {
        /// Where tokens are requested.
        token_url: Url,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// The scopes, separated by blanks.
        scope: Option<String>,
        /// The API that the token is for, if the server asks for it.
        audience: Option<String>,
        /// The secret goes into the header, and not into the body.
        #[serde(default)]
        in_header: bool,
    },
    /// OAuth 2.0 client credentials with an assertion that a private key signs (RFC 7523, section 2.2).
    PrivateKeyJwt {
        /// Where tokens are requested.
        token_url: Url,
        /// The client.
        client_id: String,
        /// The RSA private key, as PEM.
        private_key: Secret,
        /// The scopes, separated by blanks.
        scope: String,
    },
    /// An assertion as the grant (RFC 7523, section 2.1).
    JwtBearer {
        /// Where tokens are requested.
        token_url: Url,
        /// Who signs.
        issuer: String,
        /// For whom we act.
        subject: String,
        /// Whom the assertion is for.
        audience: String,
        /// The RSA private key, as PEM.
        private_key: Secret,
    },
}

/// The read of one record.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchTable {
    /// The path, with `{id}`.
    pub path: String,
    /// Where the answer has the record. Left out: it is the answer.
    pub record: Option<String>,
    /// Where a record has its ID. An answer about another record is refused.
    #[serde(default = "id")]
    pub id: String,
    /// What proves that a record was deleted. Left out: status 410.
    #[serde(default)]
    pub gone: GoneTable,
    /// When the record was last changed. Left out: the order of the readings decides which one is newer.
    pub version: Option<VersionTable>,
    /// Whether the API's entity tags can be relied on: an unchanged one says that nothing has changed.
    #[serde(default = "yes")]
    pub etag: bool,
}

fn id() -> String {
    String::from("$.id")
}

const fn yes() -> bool {
    true
}

/// A proof that a record was deleted.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoneTable {
    /// Statuses that prove it: 404, 410. Any other status never does.
    #[serde(default = "gone_status")]
    #[schemars(schema_with = "gone_statuses")]
    pub status: Vec<u16>,
    /// A condition that proves it, such as `$.status == 'closed'`.
    pub when: Option<String>,
}

impl Default for GoneTable {
    fn default() -> Self {
        Self { status: gone_status(), when: None }
    }
}

fn gone_status() -> Vec<u16> {
    vec![410]
}

fn gone_statuses(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": {"enum": [404, 410]}, "uniqueItems": true})
}

/// A version.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionTable {
    /// Where a record has it.
    pub path: String,
    /// How it is written.
    pub format: TimeFormat,
}

/// How an API writes a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// `2026-11-30T08:15:00Z`, also without an offset: then it is UTC.
    Rfc3339,
    /// Seconds since 1970.
    Unix,
    /// Milliseconds since 1970.
    UnixMs,
    /// `2026-11-30 08:15:00`, in UTC.
    Sql,
}

/// A read of several records.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchTable {
    /// The path, with `{ids}`.
    pub path: String,
    /// What is between two IDs.
    #[serde(default = "comma")]
    pub separator: String,
    /// Most IDs in one call.
    #[schemars(range(min = 2, max = 1000))]
    pub max: usize,
    /// Where the answer has the list: a path that ends with `[*]`.
    pub items: String,
    /// Where an item has the record. Left out: it is the item.
    pub record: Option<String>,
}

fn comma() -> String {
    String::from(",")
}

/// A list of all records.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTable {
    /// The path of the first page.
    pub path: String,
    /// Where a page has the list: a path that ends with `[*]`.
    pub items: String,
    /// Where an item has its record's ID.
    #[serde(default = "id")]
    pub id: String,
    /// When the item's record was last changed, if the list says so. Left out: as in `fetch`, if an item has it.
    pub version: Option<VersionTable>,
    /// How one page leads to the next. Left out: there is one page.
    pub next: Option<NextTable>,
    /// Where a page says how many records there are in all.
    pub total: Option<String>,
}

/// How one page leads to the next: one of these.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub struct NextTable {
    /// Where a page has the link to the next one.
    pub link: Option<String>,
    /// The link is in the header `Link` (RFC 8288).
    #[serde(default)]
    pub header: bool,
    /// Where a page has the text that asks for the next one. Needs `parameter`.
    pub cursor: Option<String>,
    /// The parameter that takes the cursor.
    pub parameter: Option<String>,
    /// The parameter that takes the page's number.
    pub page: Option<String>,
    /// The number of the first page.
    #[serde(default = "one")]
    #[schemars(range(max = 1))]
    pub first_page: u64,
    /// The parameter that takes the number of items before the page.
    pub offset: Option<String>,
}

const fn one() -> u64 {
    1
}

/// A list of what changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangesTable {
    /// The path, with `{since}`.
    pub path: String,
    /// How `{since}` is written.
    #[serde(default = "rfc3339")]
    pub format: TimeFormat,
}

const fn rfc3339() -> TimeFormat {
    TimeFormat::Rfc3339
}

/// Where a record has a value: a path, or a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum MapEntry {
    /// A path.
    Path(String),
    /// A path with transformations.
    Table(Box<MapTable>),
}

/// A value with transformations, which are made in the order of their keys here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapTable {
    /// Where the value is.
    pub path: Option<String>,
    /// The first of these that is there.
    #[serde(default)]
    pub first: Vec<String>,
    /// All of these that are there, as one text.
    #[serde(default)]
    pub join: Vec<String>,
    /// What is between two joined texts.
    #[serde(default = "blank")]
    pub separator: String,
    /// Only if this holds for the record. Otherwise it has no value.
    pub when: Option<String>,
    /// Without the blanks around it.
    #[serde(default)]
    pub trim: bool,
    /// In capitals, or in small letters.
    pub case: Option<Case>,
    /// Our word for each of the API's. A value that is not listed cannot be read.
    pub values: Option<BTreeMap<String, String>>,
    /// How the API writes a date, such as `[day].[month].[year]`.
    pub date: Option<String>,
}

fn blank() -> String {
    String::from(" ")
}

/// A case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Capitals.
    Upper,
    /// Small letters.
    Lower,
}

impl MapTable {
    /// Whether the value is what stands at one path, as it stands.
    pub(crate) fn is_only_a_path(&self) -> bool {
        let Self { path, first, join, separator: _, when, trim, case, values, date } = self;
        let changed = when.is_some() || *trim || case.is_some() || values.is_some() || date.is_some();
        path.is_some() && first.is_empty() && join.is_empty() && !changed
    }
}

impl JsonSchema for MapEntry {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MapEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // Not `anyOf`, whose faults name no key.
        let table = MapTable::json_schema(generator).to_value();
        json_schema!({
            "type": ["string", "object"],
            "description": "A path, or a table with transformations.",
            "properties": table["properties"],
            "additionalProperties": false
        })
    }
}
