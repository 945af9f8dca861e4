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
Settings: those of the unit that is named, all of them (its own --help lists them). Without a unit: DATABASE_URL and
COPPICE_BUS_NAME.

Permissions, each of which may be missing (what needs it is then skipped): events:DescribeEventBus, ListRules,
ListTargetsByRule, TestEventPattern, ListEventBuses, ListEventSources, DescribeEventSource; sqs:GetQueueAttributes,
GetQueueUrl, ListQueues.

Exit codes: 0 no fault in what was looked at; 1 a fault; 2 wrong usage or settings, all listed";

/// Which environment is checked.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct DoctorArguments {
    /// The unit whose environment this is. Without it, what needs no unit's own settings is checked, for every queue.
    #[arg(long, value_parser = unit())]
    unit: Option<Unit>,
}

fn unit() -> impl TypedValueParser<Value = Unit> {
    PossibleValuesParser::new(Unit::ALL.map(Unit::name)).try_map(|name| name.parse::<Unit>())
}

pub(crate) async fn run(
    arguments: &DoctorArguments,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let report = doctor::check(arguments.unit, Reader::from_environment(), stop).await.map_err(job_error)?;
    let healthy = report.healthy;
    print(&Printed(report), json)?;
    // The report names the faults already.
    if healthy { Ok(()) } else { Err(JobError::Failed(String::new())) }
}

impl fmt::Display for Printed<DoctorReport> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut ok, mut faults, mut skipped) = (0, 0, 0);
        for Finding { check, about, level } in &self.0.checks {
            match level {
                Level::Ok { seen } => {
                    ok += 1;
                    writeln!(f, "ok       {check} {about}: {seen}")?;
                }
                Level::Fault { problem, fix } => {
                    faults += 1;
                    writeln!(f, "FAULT    {check} {about}: {problem}\n         fix: {fix}")?;
                }
                Level::Skipped { why } => {
                    skipped += 1;
                    writeln!(f, "skipped  {check} {about}: {why}")?;
                }
            }
        }
        writeln!(f, "{ok} ok, {faults} fault(s), {skipped} not looked at")
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
        let text = "FAULT    rule coppice-x: it is DISABLED\n         fix: enable it\n0 ok, 1 fault(s), 0 not looked at\n";
        assert_eq!(Printed(report).to_string(), text);
    }
}
