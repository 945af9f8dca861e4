//! Measures `sso-sync` at several sizes: persons in the database, waiting messages, messages in flight.
//!
//! In: sizes. Out: filled databases, and a table. All else is as in a comparison's run: see `run`. Must not know: how `run`
//! measures.

use anyhow::Context;
use local_stack::Tools;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::contestant::{Contestant, Launch};
use crate::report::worker_cpu;
use crate::run::{self, Figures, Load, Run};

/// Residents, each with the rows that `sso-sync` would have written: person, record, identity, the first link.
///
/// UUIDs of version 7 rise with time, like those that the worker draws. The random order of `md5` spreads later changes over
/// the whole table.
const SEED: &str = "
create temp table resident as select number, uuidv7() as id from generate_series(0, $N - 1) as number;
insert into person (person_id, status, profile, provenance)
select id, 'active',
       jsonb_build_object('email', 'resident' || number || '@example.com', 'given_name', 'Given-' || number,
                          'family_name', 'Family-' || number),
       jsonb_build_object('email', jsonb_build_object('source', 'auth0', 'external_id', 'auth0|resident' || number,
                                                      'rule', 'sso, newest', 'verified', true))
from resident;
insert into source_record (source, external_id, person_id, record, content_hash, version_at, ticket, content_ticket, role,
                           verified_email, read_at)
select 'auth0', 'auth0|resident' || number, id,
       jsonb_build_object('email', 'resident' || number || '@example.com', 'email_verified', true,
                          'given_name', 'Given-' || number, 'family_name', 'Family-' || number, 'blocked', false),
       decode(md5(number::text) || md5(number::text), 'hex'), '2026-01-01Z', 0, 0, 'sso',
       'resident' || number || '@example.com', now()
from resident;
insert into identity (source, external_id, provider, subject, connection, person_id)
select 'auth0', 'auth0|resident' || number, 'auth0', 'resident' || number, 'Username-Password-Authentication', id
from resident;
insert into link_decision (source, external_id, to_person_id, reason, author)
select 'auth0', 'auth0|resident' || number, id, 'new', 'sso-sync' from resident;
drop table resident;
analyze;
";

/// The same for the peers' only table.
const PEERS_SEED: &str = "
insert into person (user_id, email, email_verified, given_name, family_name, blocked, version_at)
select 'auth0|resident' || number, 'resident' || number || '@example.com', true, 'Given-' || number, 'Family-' || number,
       false, '2026-01-01Z'
from generate_series(0, $N - 1) as number;
analyze;
";

/// Fills a contestant's database.
///
/// # Errors
/// When the statements of this file do not fit the schema.
pub(crate) async fn seed(
    connection: &mut PgConnection,
    contestant: Contestant,
    persons: u64,
) -> anyhow::Result<()> {
    sqlx::raw_sql("set synchronous_commit = off").execute(&mut *connection).await?;
    let (sql, tables) = match contestant.is_ours() {
        true => (SEED, &["person", "source_record", "identity", "link_decision"][..]),
        false => (PEERS_SEED, &["person"][..]),
    };
    let sql = sql.replace("$N", &persons.to_string());
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut *connection)
        .await
        .context("cannot fill the database")?;
    // The state in which autovacuum leaves a table that was filled over years.
    for table in tables {
        let vacuum = sqlx::AssertSqlSafe(format!("vacuum {table}"));
        sqlx::raw_sql(vacuum).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The IDs of `count` residents, spread evenly.
pub(crate) fn sample(persons: u64, count: usize) -> Vec<String> {
    let count = u64::try_from(count).unwrap_or(u64::MAX).min(persons);
    (0..count).map(|position| format!("auth0|resident{}", position * persons / count)).collect()
}

pub(crate) struct Growth {
    sizes: Vec<Load>,
    runs: Vec<(Load, Run)>,
}

impl Growth {
    /// Measures `sso-sync` at each size, round by round.
    pub(crate) async fn measure(sizes: Vec<Load>, rounds: u16, launch: &Launch, tools: &Tools) -> Self {
        let mut runs: Vec<(Load, Run)> = Vec::new();
        for round in 1..=rounds {
            for load in &sizes {
                let run = run::run(Contestant::SsoSync, launch, *load, tools).await;
                println!("round {round}: {load}: {run}");
                runs.push((*load, run));
            }
        }
        Self { sizes, runs }
    }

    /// Whether `sso-sync` did its job each time.
    pub(crate) fn all_did_their_job(&self) -> bool {
        self.runs.iter().all(|(_, run)| run.faults.is_empty())
    }

    /// Medians, each with its ratio to the first size.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            String::from(
                "| size | worker CPU s per 1,000 | × | Postgres CPU s per 1,000 | × | messages/s | lag p50/p99 ms | peak MB |",
            ),
            String::from("|---|---|---|---|---|---|---|---|"),
        ];
        for (size, [worker, database]) in self.cpu() {
            let [first_worker, first_database] = self.cpu_of(&self.sizes[0]);
            let middle = |figure: &dyn Fn(&Figures) -> f64| self.middle(&size, figure);
            lines.push(format!(
                "| {size} | {worker:.3} | {:.2} | {database:.3} | {:.2} | {:.0} | {:.1}/{:.1} | {:.1} |",
                worker / first_worker,
                database / first_database,
                middle(&Figures::messages_a_second),
                middle(&|figures| figures.lag.p50_ms),
                middle(&|figures| figures.lag.p99_ms),
                middle(&|figures| figures.peak_resident_mb),
            ));
        }
        lines.join("\n")
    }

    pub(crate) fn to_json(&self) -> Value {
        let runs: Vec<Value> =
            self.runs.iter().map(|(load, run)| json!({ "load": load, "run": run })).collect();
        json!({ "runs": runs })
    }

    /// CPU seconds per 1,000 messages at each size: the worker's, the database's.
    pub(crate) fn cpu(&self) -> impl Iterator<Item = (Load, [f64; 2])> {
        self.sizes.iter().map(|size| (*size, self.cpu_of(size)))
    }

    fn cpu_of(&self, size: &Load) -> [f64; 2] {
        let database = |figures: &Figures| figures.per_thousand(|phase| phase.postgres_cpu_seconds);
        [self.middle(size, worker_cpu), self.middle(size, database)]
    }

    fn middle(&self, size: &Load, figure: impl Fn(&Figures) -> f64) -> f64 {
        let of_size = self.runs.iter().filter(|(load, _)| load == size).map(|(_, run)| run);
        run::middle(of_size, figure).unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_is_compared_with_the_first() {
        let size = |persons| Load { messages: 1000, persons, batches: None, statements: false };
        let run = |cpu| {
            let phase = run::Phase {
                messages: 1000,
                seconds: 1.0,
                worker_cpu_seconds: cpu,
                postgres_cpu_seconds: 0.1,
            };
            let figures = Figures {
                first_message_seconds: 0.1,
                creations: phase,
                changes: phase,
                aws_calls: std::collections::BTreeMap::new(),
                peak_resident_mb: 20.0,
                lag: run::Lag { messages_a_second: 1.0, p50_ms: 1.0, p99_ms: 2.0 },
                statements: Vec::new(),
            };
            Run { contestant: Contestant::SsoSync, figures: Some(figures), faults: Vec::new() }
        };
        let runs = vec![(size(10), run(0.2)), (size(1000), run(0.3))];
        let table = Growth { sizes: vec![size(10), size(1000)], runs }.table();
        let last = "| 1000 persons, 1000 messages | 0.300 | 1.50 | 0.100 | 1.00 | 1000 | 1.0/2.0 | 20.0 |";
        assert_eq!(table.lines().last(), Some(last));
    }

    #[test]
    fn a_sample_is_spread_over_all_residents() {
        assert_eq!(sample(10, 3), ["auth0|resident0", "auth0|resident3", "auth0|resident6"]);
        assert_eq!(sample(2, 5).len(), 2);
        assert!(sample(0, 5).is_empty());
    }
}
