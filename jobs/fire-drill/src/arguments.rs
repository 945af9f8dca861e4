//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use job_process::EXIT_CODES;
use settings::{Settings, describe};

use crate::clients::DrillSettings;
use crate::unit::Unit;

/// End-to-end monitoring. `run` sends events that must fail, and follows them to the alarm. `heartbeat` sends events that
/// must arrive, and measures the time. `check-alarms` checks that every alarm would fire.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("{EXIT_CODES}\n\n{}", describe(DrillSettings::ALL)))]
pub(crate) struct Arguments {
    /// Print the report as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sends a poison event through each unit's real route, and follows it: bus, rule, queue, worker, DLQ, alarm,
    /// notification. Tell the people on call first: the alarms really fire, and notify them. They notify again when they
    /// return to OK.
    Run(RunArguments),
    /// Sends an event that names no record through each unit's route, and reports the late units. It also resumes open
    /// drills, removes messages of ended drills, and sends the metrics of the alarms to CloudWatch. Run it every few
    /// minutes.
    Heartbeat(HeartbeatArguments),
    /// Checks that each DLQ has an alarm that would fire and notify, and when it last fired. Writes nothing.
    CheckAlarms,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Only this branch, such as `sso-sync-auth0`. Repeatable. Default: all.
    #[arg(long = "unit", value_parser = Unit::named)]
    pub(crate) units: Vec<Unit>,
    /// How long a unit may take to refuse its event, in seconds.
    #[arg(long, default_value = "120", value_parser = seconds)]
    pub(crate) worker_wait_secs: Duration,
    /// How long an alarm may take to fire, and its notification to arrive, in seconds. CloudWatch needs minutes, and up to a
    /// quarter of an hour for a queue that was not used for hours.
    #[arg(long, default_value = "1200", value_parser = seconds)]
    pub(crate) alarm_wait_secs: Duration,
    /// Check rules, queues and alarms, report what would be sent, and send nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HeartbeatArguments {
    /// Only this branch. Repeatable. Default: every branch of a worker. If not all workers run, name those that run.
    /// Otherwise the others are reported as late.
    #[arg(long = "unit", value_parser = unit_with_worker)]
    pub(crate) units: Vec<Unit>,
    /// How long to wait for the heartbeats of this run, in seconds.
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(crate) wait_secs: Duration,
    /// A unit that has received no heartbeat for this number of seconds is late.
    #[arg(long, default_value = "900", value_parser = seconds)]
    pub(crate) late_secs: Duration,
    /// Report what would be sent, and send, change and measure nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn unit_with_worker(name: &str) -> Result<Unit, String> {
    let unit = Unit::named(name)?;
    if unit.has_worker() {
        Ok(unit)
    } else {
        Err(String::from(
            "it has no worker that always runs, so it gets no heartbeat. Name another branch, for example sso-sync-staff",
        ))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let secs: u64 = text.parse().map_err(|_| String::from("not a number of seconds"))?;
    if secs > 86_400 { Err(String::from("at most a day")) } else { Ok(Duration::from_secs(secs)) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
