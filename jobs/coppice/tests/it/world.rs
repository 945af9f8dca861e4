//! A database with three persons, and runs of the binary.

use std::process::{Command, Output};

use authority::Role;
use event_contract::{Hop, TraceContext};
use local_stack::TestDatabase;
use postgres_store::{Announce, Identity, PersonReading, RecordState, Source, Store};
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::NamedTempFile;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const AUTH0: Source<'static> = Source { name: "auth0", role: Role::Sso };
const CRM: Source<'static> = Source { name: "salesforce", role: Role::Crm };

/// The file that the command reads: the two sources.
pub(crate) const SOURCES: &str = r#"
    [sources.auth0]
    role = "sso"
    connector = "auth0"
    url = "https://auth0.example"
    client_id = "none"
    client_secret = { secret = "none" }
    [sources.salesforce]
    role = "crm"
    connector = "salesforce"
    url = "https://salesforce.example"
    client_id = "none"
    client_secret = { secret = "none" }
"#;

/// The output and the exit code of a command.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// Checks that the command succeeded and that its report contains every part.
    pub(crate) fn says(&self, parts: &[&str]) {
        assert_eq!(self.code, 0, "{}", self.err);
        for part in parts {
            assert!(self.out.contains(part), "{part:?}\nin {}", self.out);
        }
    }
}

pub(crate) struct World {
    url: String,
    pub(crate) pool: PgPool,
    // The last field, so that it is dropped after the connections.
    database: TestDatabase,
}

impl World {
    /// Starts a world with Ada, who has records in both sources; Bob, who has an account; and a contact that may be Bob's.
    pub(crate) async fn start() -> Self {
        let database = TestDatabase::migrated().await.unwrap();
        let url = database.url().to_owned();
        let store = Store::open(&url.clone().into(), 4).unwrap();
        let account = |email: &str| json!({"email": email, "email_verified": true, "given_name": "Addy"});
        let contact = json!({"email": "ada@crm", "given_name": "Ada", "phone": "+1"});
        let early = json!({"phone": "+2"});
        let late = json!({"phone": "+2", "email": "bob@idp", "email_verified": true});
        for (source, id, key, values) in [
            (AUTH0, "auth0|ada", Some("P-1"), account("ada@idp")),
            (CRM, "c-ada", Some("P-1"), contact),
            (AUTH0, "auth0|bob", None, account("bob@idp")),
            (CRM, "c-bob", None, early),
            (CRM, "c-bob", None, late),
        ] {
            let ticket = store.draw_refetch_tickets(source.name, &[id.to_owned()]).await.unwrap()[0].number;
            store.apply_person_readings(source, &[reading(id, key, values, ticket)]).await.unwrap();
        }
        let pool = PgPool::connect_lazy(&url).unwrap();
        Self { url, pool, database }
    }

    /// Runs the command with the database.
    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        self.run_with(arguments, &[("COPPICE_CONFIG", SOURCES)])
    }

    /// The same in an environment.
    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command = command(arguments);
        command.env("DATABASE_URL", self.database.url_of("coppice")).envs(environment.iter().copied());
        said(command.output().unwrap())
    }

    /// Runs the command as the owner of the schema, as a release does.
    pub(crate) fn run_as_owner(&self, arguments: &[&str]) -> Said {
        let mut command = command(arguments);
        command.env("DATABASE_URL", &self.url).env("COPPICE_CONFIG", SOURCES);
        said(command.output().unwrap())
    }

    /// The same world, in which the command reads this file.
    pub(crate) fn with_policy(&self, text: &str) -> WithPolicy<'_> {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{SOURCES}\n{text}\n")).unwrap();
        WithPolicy { world: self, file }
    }

    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        let sql = match table {
            "outbox" => "select count(*) from outbox",
            "hats" => "select count(hat) from person_profile",
            _ => "select count(*) from link_decision where author not like 'coppice:%'",
        };
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// Applies a later reading of a contact, which is in this state.
    pub(crate) async fn read_as(&self, id: &str, state: RecordState) {
        self.read_of(CRM, id, state).await;
    }

    /// Applies a later reading of a record of this source, which is in this state.
    pub(crate) async fn read_of(&self, source: Source<'_>, id: &str, state: RecordState) {
        let store = Store::open(&self.url.clone().into(), 2).unwrap();
        let ticket = store.draw_refetch_tickets(source.name, &[id.to_owned()]).await.unwrap()[0].number;
        let reading = PersonReading { state, ..reading(id, None, json!({}), ticket) };
        store.apply_person_readings(source, &[reading]).await.unwrap();
    }

    /// Applies a later reading of an account.
    pub(crate) async fn read_account(&self, id: &str, values: Value) {
        let store = Store::open(&self.url.clone().into(), 2).unwrap();
        let ticket = store.draw_refetch_tickets(AUTH0.name, &[id.to_owned()]).await.unwrap()[0].number;
        store.apply_person_readings(AUTH0, &[reading(id, Some("P-1"), values, ticket)]).await.unwrap();
    }

    /// The person of a record, as the command prints it.
    pub(crate) fn person_of(&self, record: &str) -> String {
        let shown = self.run(&["person", "show", record, "--json"]).json();
        shown["person_id"].as_str().unwrap().to_owned()
    }
}

/// A world whose command reads a policy from a file.
pub(crate) struct WithPolicy<'a> {
    world: &'a World,
    file: NamedTempFile,
}

impl WithPolicy<'_> {
    pub(crate) fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let mut command = command(arguments);
        command.env("DATABASE_URL", self.world.database.url_of("coppice"));
        said(command.env("COPPICE_CONFIG_FILE", self.path()).output().unwrap())
    }
}

/// A record that is there.
pub(crate) fn record_state(record: Value) -> RecordState {
    RecordState::Present { record, external_key: Some(String::from("P-1")), identities: Vec::new() }
}

/// Runs the command without a database.
pub(crate) fn run_alone(arguments: &[&str]) -> Said {
    run_alone_with(arguments, &[])
}

/// The same in an environment.
pub(crate) fn run_alone_with(arguments: &[&str], environment: &[(&str, &str)]) -> Said {
    said(command(arguments).envs(environment.iter().copied()).output().unwrap())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coppice"));
    command.args(arguments).env_clear();
    command
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn reading(id: &str, key: Option<&str>, values: Value, ticket: i64) -> PersonReading {
    let identity = id.split_once('|').map(|(provider, subject)| Identity {
        provider: provider.to_owned(),
        subject: subject.to_owned(),
        connection: None,
    });
    let state = RecordState::Present {
        record: values,
        external_key: key.map(str::to_owned),
        identities: identity.into_iter().collect(),
    };
    let announce = Announce {
        cause: Uuid::now_v7(),
        hop: Hop::OUTSIDE.next().unwrap(),
        traceparent: TraceContext::start(),
    };
    let version_at = Some(datetime!(2026-11-24 10:00 UTC));
    PersonReading {
        external_id: id.to_owned(),
        state,
        version_at,
        etag: None,
        ticket,
        announces: None,
        announce,
    }
}
