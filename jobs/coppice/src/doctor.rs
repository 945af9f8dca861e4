//! `doctor`: the unit from the command line, and the findings as text.

use std::fmt;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use job_process::{JobError, print};
use operations::doctor::{self, DoctorReport, Finding, Level, Unit};
use settings::Reader;
use tokio_util::sync::CancellationToken;

use crate::failure::job_error;
use crate::printed::Printed;

const HELP: &str = "\
Settings: with --unit, all settings of that unit (its own --help lists them). Without it: DATABASE_URL,
COPPICE_BUS_NAME and COPPICE_CONFIG.

AWS permissions. If one is missing, the checks that need it are skipped: events:DescribeEventBus, ListRules,
ListTargetsByRule, DescribeEventSource; sqs:GetQueueAttributes, GetQueueUrl, ListQueues.

Exit codes: 0 no check found a fault; 1 a fault; 2 wrong usage or settings, all listed; 5 stopped by a signal";

/// Checks a unit's dependencies and names the fix for each fault. Changes nothing.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct DoctorArguments {
    /// The unit whose settings are in this environment. Without it, doctor checks database, bus, rules and every queue of
    /// the file of sources, but no source.
    #[arg(long, value_parser = unit())]
    unit: Option<Unit>,
}

fn unit() -> impl TypedValueParser<Value = Unit> {
    PossibleValuesParser::new(Unit::all().map(Unit::name).collect::<Vec<_>>())
        .try_map(|name| name.parse::<Unit>())
}

pub(crate) async fn run(
    arguments: &DoctorArguments,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let report = doctor::check(arguments.unit, &Reader::from_environment(), stop).await.map_err(job_error)?;
    let healthy = report.healthy;
    print(&Printed(report), json)?;
    // The report names the faults already.
    if healthy { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

impl fmt::Display for Printed<DoctorReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut ok, mut faults, mut skipped) = (0, 0, 0);
        for Finding { check, about, level } in &self.0.checks {
            // A bus may be named "bus".
            let subject = if check == about { (*check).to_owned() } else { format!("{check} {about}") };
            match level {
                Level::Ok { seen } => {
                    ok += 1;
                    writeln!(f, "ok       {subject}: {seen}")?;
                }
                Level::Fault { problem, fix } => {
                    faults += 1;
                    writeln!(f, "FAULT    {subject}: {problem}\n         fix: {fix}")?;
                }
                Level::Skipped { why } => {
                    skipped += 1;
                    writeln!(f, "skipped  {subject}: {why}")?;
                }
            }
        }
        writeln!(f, "{ok} ok, {faults} fault(s), {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_printed_with_its_fix() {
        let level = Level::Fault { problem: String::from("it is DISABLED"), fix: String::from("enable it") };
        let finding = Finding { check: "rule", about: String::from("coppice-x"), level };
        let report = DoctorReport { unit: None, healthy: false, checks: vec![finding] };
        let text =
            "FAULT    rule coppice-x: it is DISABLED\n         fix: enable it\n0 ok, 1 fault(s), 0 skipped\n";
        assert_eq!(Printed(report).to_string(), text);
    }
}
