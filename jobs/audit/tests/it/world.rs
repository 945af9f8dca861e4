//! A world in which workers have read every record and then stopped.

use connectors::Source;
use crm_sync::CrmSync;
use event_contract::{Hop, TraceContext};
use identity_verification::IdentityVerification;
use postgres_store::Store;
use serde_json::{Value, json};
use settings::Reader;
use simulators::auth0::SimulatedUser;
use simulators::salesforce::{SimulatedContact, contact_id};
use sqlx::AssertSqlSafe;
use sso_sync::SsoSync;
use testkit::{Said, Setup, World};
use time::OffsetDateTime;
use uuid::Uuid;
use worker_process::Worker;
use worker_runtime::{Cause, Handler, Outcome, Refetch, Removed};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_audit");

/// Arguments of every audit in these tests: it compares a record that seems to diverge again at once.
const ARGUMENTS: [&str; 3] = ["--json", "--grace-secs", "0"];

/// The sources of the workers in these tests.
pub(crate) const BOTH: [&str; 2] = ["--source", "auth0,salesforce"];
pub(crate) const SSO: [&str; 2] = ["--source", "auth0"];

pub(crate) fn user(number: usize) -> String {
    format!("auth0|user-{number}")
}

/// Creates four users and two contacts, and reads each as its worker does.
pub(crate) async fn in_step() -> World {
    in_step_with(Setup::DEFAULT).await
}

/// Does the same with another setup.
pub(crate) async fn in_step_with(setup: Setup) -> World {
    let world = World::start_with(setup).await;
    let (users, contacts): (Vec<_>, Vec<_>) =
        ((1..=4).map(user).collect(), (1..=2).map(contact_id).collect());
    for id in &users {
        world.idp.put_user(SimulatedUser::new(id));
    }
    for id in &contacts {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    read_users(&world, &users).await;
    let store = Store::open(&world.database_url().to_owned().into(), 2).unwrap();
    read_all(&CrmSync::handler(source(&world, "salesforce"), store).unwrap(), &contacts).await;
    world
}

fn source(world: &World, name: &str) -> Source {
    let reader = Reader::from_variables(world.environment("migrate", "audit", 0));
    reader.read(config::CONFIG).unwrap().source(name).unwrap().connect(&reader).unwrap()
}

/// Reads users as their worker does.
pub(crate) async fn read_users(world: &World, ids: &[String]) {
    let store = Store::open(&world.database_url().to_owned().into(), 2).unwrap();
    read_all(&SsoSync::handler(source(world, "auth0"), store).unwrap(), ids).await;
}

/// Reads a verification case as its worker does.
pub(crate) async fn read_case(world: &World, id: &str) {
    let store = Store::open(&world.database_url().to_owned().into(), 2).unwrap();
    let handler = IdentityVerification::handler(source(world, "stripe"), store).unwrap();
    read_all(&handler, &[id.to_owned()]).await;
}

/// Runs a worker's steps without its queue.
async fn read_all<H: Handler<Subject = String>>(handler: &H, ids: &[String]) {
    let cause = Cause { event_id: Uuid::now_v7(), hop: Hop::OUTSIDE, trace: TraceContext::start() };
    let tickets = handler.prepare(ids).await.unwrap();
    let mut batch = Vec::new();
    for (id, ticket) in ids.iter().zip(tickets) {
        let subject = id.clone();
        let refetch = Refetch {
            subject,
            not_before: None,
            removed: Removed::No,
            cause,
            sent_at: OffsetDateTime::now_utc(),
        };
        let fetched = handler.fetch(&refetch, ticket).await.unwrap();
        batch.push((refetch, fetched));
    }
    let outcomes = handler.apply(&batch).await.unwrap();
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Applied), "{outcomes:?}");
}

/// Runs an audit to its end.
pub(crate) async fn audit(world: &World, arguments: &[&str]) -> Said {
    audit_with(world, arguments, &[]).await
}

/// Runs an audit with other settings to its end.
pub(crate) async fn audit_with(world: &World, arguments: &[&str], settings: &[(&str, &str)]) -> Said {
    let arguments: Vec<&str> = ARGUMENTS.iter().chain(arguments).copied().collect();
    world.run_job(BINARY, "audit", &arguments, settings).await
}

/// The findings about a source in a report.
pub(crate) fn findings(said: &Said, source: &str) -> Value {
    let report = said.json();
    let sources = report["sources"].as_array().unwrap();
    let of_it = sources.iter().find(|one| one["source"] == source);
    of_it.unwrap_or_else(|| panic!("{source}\nin {report}"))["findings"].clone()
}

/// Changes a user's name without an event.
pub(crate) fn change_unseen(world: &World, id: &str, name: &str) {
    world.idp.update(id, |user| user.given_name = Some(name.to_owned()));
}

/// The physical version of every row but the audit's own, and the ticket counter. Any write changes them.
pub(crate) async fn everything_written(world: &World) -> Vec<String> {
    let tables =
        ["person", "source_record", "identity", "outbox", "link_decision", "link_review", "resync_request"];
    let rows =
        tables.map(|table| format!("select '{table} ' || xmin::text || ctid::text as row from {table}"));
    let sql = format!(
        "{} union all select 'tickets ' || last_value::text from refetch_ticket order by row",
        rows.join(" union all ")
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&world.pool).await.unwrap()
}

/// The rows of audit results, as text.
pub(crate) async fn results(world: &World) -> Vec<String> {
    let sql = "select concat_ws(' ', source, sampled, sampled_divergent, recent, recent_divergent, undecided) \
               from audit_result order by finished_at, source";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.unwrap()
}

/// The queues of all branches that audit feeds, as the setting has them.
pub(crate) fn queues(world: &World) -> String {
    let url = |branch: &str| world.topology.queue_url(branch).unwrap();
    json!({"sso-resync-auth0": url("sso-resync"), "crm-resync-salesforce": url("crm-resync")}).to_string()
}
