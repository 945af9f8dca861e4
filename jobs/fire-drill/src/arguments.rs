//! The command line.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use job_process::EXIT_CODES;
use settings::{Settings, describe};

use crate::clients::DrillSettings;
use crate::unit::Unit;

/// Proves that a failure would be seen: sends what must fail and follows it to the alarm, sends what must arrive and takes
/// the time, and asks every alarm whether it would fire.
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
    /// Puts a poison event in at every unit's front door, and follows it: bus, rule, queue, worker, dead letters, alarm,
    /// notification. Whoever the alarms are sent to is told, and told again when they go off.
    Run(RunArguments),
    /// Sends an event that names nobody through every unit's route, and says which do not arrive. Goes on with drills that
    /// were left open, removes what ended ones left, and puts what the alarms look at into CloudWatch. Run it every few
    /// minutes.
    Heartbeat(HeartbeatArguments),
    /// Whether each queue of dead letters has an alarm that would fire and be heard, and when it last did. Writes nothing.
    AuditAlarms,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Which unit. Repeatable; all of them when left out.
    #[arg(long = "unit", value_parser = unit)]
    pub(crate) units: Vec<Unit>,
    /// How long a unit may take to refuse its event, in seconds.
    #[arg(long, default_value = "120", value_parser = seconds)]
    pub(crate) worker_wait_secs: Duration,
    /// How long an alarm may take to go on, and to be told, in seconds. CloudWatch needs minutes, and up to a quarter of an
    /// hour for a queue that nobody has looked at for long.
    #[arg(long, default_value = "1200", value_parser = seconds)]
    pub(crate) alarm_wait_secs: Duration,
    /// Check rules, queues and alarms, say what would be sent, and send nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HeartbeatArguments {
    /// Which unit. Repeatable; every one that has a worker when left out. For a fleet that is not whole: a unit that nobody
    /// runs is late.
    #[arg(long = "unit", value_parser = unit_with_worker)]
    pub(crate) units: Vec<Unit>,
    /// How long to wait for the heartbeats of this run, in seconds.
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(crate) wait_secs: Duration,
    /// A unit that has had none in hand for so long is late, in seconds.
    #[arg(long, default_value = "900", value_parser = seconds)]
    pub(crate) late_secs: Duration,
    /// Say what would be sent, and send, change and measure nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn unit(name: &str) -> Result<Unit, String> {
    Unit::ALL.into_iter().find(|unit| unit.name == name).ok_or_else(|| {
        let known: Vec<&str> = Unit::ALL.iter().map(|unit| unit.name).collect();
        format!("no such unit; there are {}", known.join(", "))
    })
}

fn unit_with_worker(name: &str) -> Result<Unit, String> {
    let unit = unit(name)?;
    if unit.has_worker() {
        Ok(unit)
    } else {
        Err(String::from("no worker is always there to take a heartbeat"))
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
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_unknown_unit_is_answered_with_those_that_there_are() {
        assert!(unit("sso").unwrap_err().contains("sso-sync"));
        assert_eq!(unit("sso-sync").unwrap().name, "sso-sync");
        assert!(unit_with_worker("sso-resync").unwrap_err().contains("no worker"));
    }
}
