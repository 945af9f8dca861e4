//! `retention`: the ages, and the report as text.

use std::fmt;

use job_process::{JobError, print};
use operations::retention::{Deleted, delete_expired};
use postgres_store::{Expiring, Write};

use crate::arguments::Ages;
use crate::environment::store;
use crate::failure::job_error;
use crate::printed::Printed;

pub(crate) async fn run(ages: &Ages, json: bool) -> Result<(), JobError> {
    let by_kind = Expiring::ALL.map(|what| (what, days(ages, what)));
    let (store, write) = (store().await?, Write::if_wanted(!ages.dry_run));
    let deleted = delete_expired(&store, &by_kind, write.as_ref()).await.map_err(job_error)?;
    print(&Printed(deleted), json)
}

const fn days(ages: &Ages, what: Expiring) -> u32 {
    match what {
        Expiring::DeadLetteredMessages => ages.dead_lettered_messages_days,
        Expiring::RedrivePlans => ages.redrive_plans_days,
        Expiring::MessageFailures => ages.message_failures_days,
        Expiring::LoginEvents => ages.login_events_days,
        Expiring::Heartbeats => ages.heartbeats_days,
        Expiring::FireDrills => ages.fire_drills_days,
        Expiring::ResyncRuns => ages.resync_runs_days,
        Expiring::AuditResults => ages.audit_results_days,
    }
}

impl fmt::Display for Printed<Vec<Deleted>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Deleted { table, older_than_days, rows, dry_run } in &self.0 {
            let deleted = if *dry_run { "would delete" } else { "deleted" };
            writeln!(f, "{table}: {deleted} {rows} row(s) older than {older_than_days} days")?;
        }
        match self.0.iter().any(|deleted| deleted.dry_run) {
            true => f.write_str("nothing was deleted"),
            false => f.write_str("a second run has nothing to do"),
        }
    }
}
