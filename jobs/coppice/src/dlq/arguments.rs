//! The command line of `dlq`.

use clap::{Args, Subcommand};
use operations::dlq;
use postgres_store::Author;
use time::Duration;
use uuid::Uuid;

/// Most messages read of one DLQ by default: some minutes of work.
const SCAN_LIMIT: usize = 100_000;

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Lists every DLQ: how many messages, how old, when the first expires, by class and by worker version.
    List {
        /// Only these units (default: all). `undelivered` has the events that the bus could not deliver.
        units: Vec<String>,
        /// Read at most this many messages of each DLQ. The others are counted without their classes.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Shows one message: why it was dead-lettered, every failed attempt, and the record now, here and at its provider.
    Show {
        /// The unit that the message belongs to.
        unit: String,
        /// SQS's ID of the message in the DLQ, or of the message that the unit received.
        message_id: String,
    },
    /// Sends messages back to their unit, one for each record, and deletes them from the DLQ. Makes a plan; `--yes` runs it.
    Redrive(RedriveArguments),
    /// Deletes messages. Copies stay in Postgres for 90 days. Makes a plan; `--yes` runs it.
    Drop(DropArguments),
    /// Shows how far a plan is.
    Plan {
        /// The plan's ID.
        #[arg(value_parser = plan_id)]
        plan: Uuid,
    },
    /// Moves all messages of a DLQ back with SQS's own move task. Coppice does not read them: no selection, no canary, no
    /// coalescing.
    MoveAll {
        /// The unit whose DLQ is moved.
        unit: String,
        /// Move at most this many messages per second; SQS allows 500.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=500))]
        rate: i32,
        /// Move. Without it, the command only counts the messages.
        #[arg(long)]
        yes: bool,
    },
}

/// Which messages. A plan that was made has its set of messages, so none of this goes with `--plan`.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct Chosen {
    /// Only messages of this class, as `dlq list` shows it, for example timeout. Repeatable.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) class: Vec<String>,
    /// Only messages with this `detail-type`.
    #[arg(long = "type", conflicts_with = "plan")]
    pub(crate) event_type: Option<String>,
    /// Only messages that name this record.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) id: Option<String>,
    /// Only this message, by SQS's ID. Repeatable.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) message_id: Vec<String>,
    /// Only messages that this version of the worker dead-lettered.
    #[arg(long, conflicts_with = "plan")]
    pub(crate) worker_version: Option<String>,
    /// Only messages first sent longer ago than this: 90s, 30m, 12h, 3d.
    #[arg(long, value_parser = duration, conflicts_with = "plan")]
    pub(crate) older_than: Option<Duration>,
    /// Only messages first sent within this time: 90s, 30m, 12h, 3d.
    #[arg(long, value_parser = duration, conflicts_with = "plan")]
    pub(crate) newer_than: Option<Duration>,
    /// Read at most this many messages of the DLQ.
    #[arg(long, default_value_t = SCAN_LIMIT, conflicts_with = "plan")]
    pub(crate) scan_limit: usize,
}

/// A new plan, or one that was made before.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The unit whose DLQ to read. Give the unit or `--plan`, not both.
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    pub(crate) unit: Option<String>,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// A plan that was made before: show it, or run it with `--yes`.
    #[arg(long, value_parser = plan_id)]
    pub(crate) plan: Option<Uuid>,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "coppice dlq redrive [OPTIONS] <UNIT>\n       coppice dlq redrive [OPTIONS] --plan <PLAN>"
)]
pub(crate) struct RedriveArguments {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// Run the plan: send the messages. Without it, the command only makes the plan and says what it would do.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// How fast and how carefully messages are sent.
#[derive(Debug, Args, Clone, Copy)]
pub(crate) struct Pace {
    /// Send at most this many messages per second.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) rate: u32,
    /// Send at most this many messages in this run.
    #[arg(long)]
    pub(crate) max: Option<u64>,
    /// Messages sent first and alone. If one of them is dead-lettered again, nothing more is sent. 0: none.
    #[arg(long, default_value_t = 5)]
    pub(crate) canary: i64,
    /// Seconds to wait until the unit has handled the canary, and at the end the last messages.
    #[arg(long, default_value_t = 120)]
    pub(crate) wait_secs: u64,
}

impl From<Chosen> for dlq::Selection {
    fn from(chosen: Chosen) -> Self {
        Self {
            classes: chosen.class,
            event_type: chosen.event_type,
            record_id: chosen.id,
            message_ids: chosen.message_id,
            worker_version: chosen.worker_version,
            older_than: chosen.older_than,
            newer_than: chosen.newer_than,
        }
    }
}

impl From<Pace> for dlq::Pace {
    fn from(Pace { rate, max, canary, wait_secs }: Pace) -> Self {
        Self { rate, max, canary, wait_secs }
    }
}

#[derive(Debug, Args)]
#[command(
    override_usage = "coppice dlq drop [OPTIONS] --author <AUTHOR> --reason <REASON> <UNIT>\n       coppice dlq drop [OPTIONS] --plan <PLAN>"
)]
pub(crate) struct DropArguments {
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// Who decides.
    #[arg(long, required_unless_present = "plan", conflicts_with = "plan")]
    pub(crate) author: Option<Author>,
    /// Why, in one sentence. It is stored, so put no personal data in it.
    #[arg(long, required_unless_present = "plan", conflicts_with = "plan")]
    pub(crate) reason: Option<String>,
    /// Run the plan: delete the messages. Without it, the command only makes the plan and says what it would do.
    #[arg(long)]
    pub(crate) yes: bool,
}

fn plan_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| String::from("not a plan's ID (a UUID)"))
}

/// A number and its unit.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || String::from("not a length of time: write a number and s, m, h or d, for example 12h");
    let split = text.find(|one: char| !one.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).map(Duration::seconds).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("12h"), Ok(Duration::hours(12)));
        assert_eq!(duration("3d"), Ok(Duration::days(3)));
        for wrong in ["", "12", "h", "1w", "-1h", "99999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
