//! The dependencies of the worker in one run: its own database server, the queue, the bus and the provider.
//!
//! In: the tools. Out: addresses, and handles to send messages and to read what the worker did with them. This process serves
//! queue, bus and provider; the database is a process of its own. Must not know: what is measured.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use local_stack::{Durability, Postgres, Tools};
use serde_json::{Value, json};
use simulators::auth0::{Auth0Simulator, Change, SimulatedUser};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};
use testkit::FastAws;

use crate::contestant::Contestant;
use crate::run::Load;
use crate::{growth, statements};

pub(crate) const QUEUE: &str = "sso-sync";
pub(crate) const BUS: &str = "coppice";

const VISIBILITY: Duration = Duration::from_secs(60);
const MAX_RECEIVE_COUNT: u32 = 50;

/// What `coppice config apply` stores of the contestant's file.
const APPLY: &str = r#"
    insert into config_version (version, policy, sources, hash, author, computed_at)
    values (1, '', '{"auth0": {"role": "sso", "connector": "auth0"}}', sha256('file'), 'benchmark', now())"#;

/// See the module's documentation.
pub(crate) struct Services {
    pub(crate) postgres: Postgres,
    pub(crate) database_url: String,
    pub(crate) aws: FastAws,
    pub(crate) queue_url: String,
    pub(crate) dlq_url: String,
    pub(crate) idp: Auth0Simulator,
}

impl Services {
    /// Starts the services. The database server flushes each commit as in production. The database has the contestant's schema
    /// and the persons of the load.
    pub(crate) async fn build(contestant: Contestant, load: Load, tools: &Tools) -> anyhow::Result<Self> {
        let mut postgres = Postgres::start_with(tools, Durability::Full).await?;
        if load.statements {
            statements::collect(&mut postgres).await?;
        }
        let database_url = postgres.create_database("bench").await?;
        let mut connection = PgConnection::connect(&database_url).await?;
        if contestant.is_ours() {
            let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
            Migrator::new(migrations).await?.run(&mut connection).await?;
            // Without a version of the file, no unit starts.
            sqlx::raw_sql(APPLY).execute(&mut connection).await?;
        } else {
            sqlx::raw_sql(include_str!("../peers/schema.sql")).execute(&mut connection).await?;
        }
        growth::seed(&mut connection, contestant, load.persons).await?;
        // Otherwise the contestant's run would include writes that creating the database has left.
        sqlx::raw_sql("checkpoint").execute(&mut connection).await?;
        connection.close().await?;
        let aws = FastAws::start().await;
        aws.create_bus(BUS);
        let (queue_url, dlq_url) = aws.create_queue(QUEUE, VISIBILITY, MAX_RECEIVE_COUNT);
        let idp = Auth0Simulator::start().await;
        Ok(Self { postgres, database_url, aws, queue_url, dlq_url, idp })
    }

    /// Creates a user at the provider. Returns the message about it.
    pub(crate) fn create(&self, id: &str) -> anyhow::Result<String> {
        message(&self.idp.put_user(SimulatedUser::new(id)))
    }

    /// Renames a user at the provider. Returns the message about it.
    pub(crate) fn rename(&self, id: &str, name: String) -> anyhow::Result<String> {
        message(&self.idp.update(id, |user| user.given_name = Some(name)))
    }
}

/// The message that the rule of `deploy/cloudformation/coppice.yaml` makes of the provider's event: the envelope with IDs and
/// times only.
fn message(change: &Change) -> anyhow::Result<String> {
    let mut envelope: Value = serde_json::from_str(&change.stream_event().to_envelope_json())?;
    let mut take = |pointer: &str| {
        let value = envelope.pointer_mut(pointer).map(Value::take);
        value.with_context(|| format!("the provider's event has no {pointer}"))
    };
    let message = json!({
        "version": "0",
        "id": take("/id")?,
        "detail-type": take("/detail-type")?,
        "source": take("/source")?,
        "time": take("/time")?,
        "detail": {
            "id": take("/detail/id")?,
            "type": take("/detail/type")?,
            "time": take("/detail/time")?,
            "data": { "object": {
                "user_id": take("/detail/data/object/user_id")?,
                "updated_at": take("/detail/data/object/updated_at")?,
            } },
        },
    });
    Ok(message.to_string())
}
