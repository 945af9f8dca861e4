//! `dlq`: what is dead, why, and what to do about it.
//!
//! In: the dead-letter queues, which are found by their names; the ledger of failed attempts; the database. Out: lists,
//! one letter in full, plans, and messages sent back. What keeps a redrive from doing harm:
//!
//! * A plan fixes its set of letters when it is made; what dies later is not in it.
//! * A copy of every letter of a plan is in Postgres before anything is done with the letter.
//! * All letters about one record become one message, since a message is only a reason to read the record again.
//! * An item is sent, then noted as sent, and only then may its letters be deleted: a plan that was killed anywhere is run
//!   again, and one that is running cannot be run beside itself.
//! * The first few are sent alone (the canary). When they die again, nothing more is sent.
//!
//! Bodies of `undelivered` may be partners' whole events, so they are never printed.

mod arguments;
mod fleet;
mod list;
mod message;
mod move_all;
mod plan;
mod provider;
mod record_key;
mod routing;
mod run;
mod scan;
mod selection;
mod sending;
mod show;
mod sweep;

use job_process::JobError;
use tokio_util::sync::CancellationToken;

pub(crate) use arguments::DlqCommand;

/// Runs one of the commands.
pub(crate) async fn run(command: DlqCommand, json: bool, stop: &CancellationToken) -> Result<(), JobError> {
    match command {
        DlqCommand::List { units, limit } => list::run(&units, limit, json, stop).await,
        DlqCommand::Show { unit, message_id } => show::run(&unit, &message_id, json, stop).await,
        DlqCommand::Redrive(arguments) => plan::redrive(arguments, json, stop).await,
        DlqCommand::Drop(arguments) => plan::discard(arguments, json, stop).await,
        DlqCommand::Plan { plan } => plan::show(plan, json).await,
        DlqCommand::MoveAll { unit, rate, yes } => move_all::run(&unit, rate, yes, json, stop).await,
    }
}
