//! A user of the tenant, and its JSON as the Management API gives it.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Auth0 writes times in UTC with milliseconds.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A user. Every personal value is invented and unlikely to occur elsewhere, so that a leak can be searched for.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedUser {
    /// `{provider}|{id}`.
    pub user_id: String,
    /// Address; `None` leaves the field out.
    pub email: Option<String>,
    /// Whether it is verified.
    pub email_verified: bool,
    /// First name; `None` leaves the field out.
    pub given_name: Option<String>,
    /// Last name; `None` leaves the field out.
    pub family_name: Option<String>,
    /// Phone number; `None` leaves the field out.
    pub phone_number: Option<String>,
    /// Whether an administrator has blocked the user. Auth0 leaves the field out until it was set once.
    pub blocked: Option<bool>,
    /// Our key in `app_metadata`; `None` leaves it out.
    pub person_key: Option<String>,
    /// Address of the last login.
    pub last_ip: String,
    /// Logins so far.
    pub logins_count: u64,
    /// Identities; the first one is the user's own.
    pub identities: Vec<SimulatedIdentity>,
    /// Set by the simulator.
    pub created_at: OffsetDateTime,
    /// Set by the simulator: rises strictly with each change.
    pub updated_at: OffsetDateTime,
}

/// One identity of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedIdentity {
    /// `auth0`, `google-oauth2`, …
    pub provider: String,
    /// The connection's name.
    pub connection: String,
    /// A string, or a number as some social connections have it.
    pub user_id: Value,
}

impl SimulatedUser {
    /// A verified user with one identity and marked personal values that are derived from the ID.
    pub fn new(user_id: &str) -> Self {
        let (provider, subject) = user_id.split_once('|').unwrap_or(("auth0", user_id));
        let connection = if provider == "auth0" { "Coppice-Members" } else { provider };
        Self {
            user_id: user_id.to_owned(),
            email: Some(format!("orla.{subject}@members.example.org")),
            email_verified: true,
            given_name: Some(format!("Orla-{subject}")),
            family_name: Some(format!("Fennimore-{subject}")),
            phone_number: Some(format!("+1555{:07}", checksum(subject) % 10_000_000)),
            blocked: None,
            person_key: None,
            last_ip: "198.51.100.77".into(),
            logins_count: 3,
            identities: vec![SimulatedIdentity::new(provider, connection, subject.into())],
            created_at: OffsetDateTime::UNIX_EPOCH,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// The same user with our key.
    #[must_use]
    pub fn with_person_key(self, key: &str) -> Self {
        Self { person_key: Some(key.to_owned()), ..self }
    }

    /// The same user with one more identity, as after linking.
    #[must_use]
    pub fn with_identity(mut self, identity: SimulatedIdentity) -> Self {
        self.identities.push(identity);
        self
    }

    /// The values that must be in no queue, internal event or log line.
    pub fn personal_values(&self) -> Vec<String> {
        let optional = [&self.email, &self.given_name, &self.family_name, &self.phone_number];
        optional.into_iter().flatten().chain([&self.last_ip]).cloned().collect()
    }

    /// The body of `GET /api/v2/users/{id}`. Events carry the same.
    pub fn to_json(&self) -> Value {
        let mut body = self.required_json();
        let mut set =
            |name: &str, value: Option<Value>| value.and_then(|value| body.insert(name.into(), value));
        let name = [&self.given_name, &self.family_name]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ");
        set("email", self.email.clone().map(Value::from));
        set("email_verified", self.email.as_ref().map(|_| self.email_verified.into()));
        set("given_name", self.given_name.clone().map(Value::from));
        set("family_name", self.family_name.clone().map(Value::from));
        set("name", Some(name).filter(|name| !name.is_empty()).map(Value::from));
        set("nickname", self.email.as_deref().and_then(|email| email.split('@').next()).map(Value::from));
        set("picture", Some("https://cdn.example.org/avatars/default.png".into()));
        set("phone_number", self.phone_number.clone().map(Value::from));
        set("phone_verified", self.phone_number.as_ref().map(|_| false.into()));
        set("blocked", self.blocked.map(Value::from));
        set("app_metadata", self.person_key.as_ref().map(|key| json!({ "person_key": key })));
        set("user_metadata", Some(json!({ "lang": "en" })));
        set("last_ip", Some(self.last_ip.clone().into()));
        set("last_login", Some(timestamp(self.updated_at).into()));
        set("logins_count", Some(self.logins_count.into()));
        Value::Object(body)
    }

    /// Only what Auth0 always has: the `partial` fault.
    pub(crate) fn required_json(&self) -> Map<String, Value> {
        let identities: Vec<Value> = self.identities.iter().map(SimulatedIdentity::to_json).collect();
        let mut body = Map::new();
        body.insert("user_id".into(), self.user_id.clone().into());
        body.insert("created_at".into(), timestamp(self.created_at).into());
        body.insert("updated_at".into(), timestamp(self.updated_at).into());
        body.insert("identities".into(), identities.into());
        body
    }
}

impl SimulatedIdentity {
    /// An identity at `provider`.
    pub fn new(provider: &str, connection: &str, user_id: Value) -> Self {
        Self { provider: provider.to_owned(), connection: connection.to_owned(), user_id }
    }

    fn to_json(&self) -> Value {
        json!({
            "provider": self.provider,
            "connection": self.connection,
            "user_id": self.user_id,
            "isSocial": self.provider != "auth0",
        })
    }

    /// The ID as text, for a search.
    pub(crate) fn subject(&self) -> String {
        self.user_id.as_str().map_or_else(|| self.user_id.to_string(), str::to_owned)
    }
}

pub(crate) fn timestamp(time: OffsetDateTime) -> String {
    time.format(TIME).expect("the format names only parts that every time has")
}

fn checksum(text: &str) -> u64 {
    text.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
