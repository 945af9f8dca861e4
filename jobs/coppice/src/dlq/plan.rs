//! `dlq redrive`, `dlq drop`, `dlq plan`: makes plans, and has them carried out.

use std::collections::BTreeMap;
use std::fmt;

use job_process::{JobError, age, print};
use postgres_store::{DeadLetteredCopy, RedriveAction, RedriveItem, RedrivePlan, RedriveProgress, Store};
use serde::Serialize;
use sqs_queue::ReceivedMessage;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::arguments::{Chosen, DropArguments, Pace, RedriveArguments};
use super::fleet::{DeadLetterQueue, aws_config, database_and_prefix, of_unit};
use super::message::DeadLettered;
use super::run::{self, Done};
use super::scan::scan;
use super::sending::Target;
use crate::database::{CONNECTIONS, store};

/// Copies in one statement.
const COPIES_AT_ONCE: usize = 500;

/// Sends letters back.
pub(super) async fn redrive(
    arguments: RedriveArguments,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let RedriveArguments { unit, chosen, plan, pace, yes } = arguments;
    let wanted = Wanted { action: RedriveAction::Redrive, unit, chosen, plan, author: None, reason: None };
    work(wanted, Some(pace), yes, json, stop).await
}

/// Deletes letters.
pub(super) async fn discard(
    arguments: DropArguments,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let DropArguments { unit, chosen, plan, author, reason, yes } = arguments;
    let author = author.map(|author| author.to_string());
    let wanted = Wanted { action: RedriveAction::Drop, unit, chosen, plan, author, reason };
    work(wanted, None, yes, json, stop).await
}

/// How far a plan is.
pub(super) async fn show(plan_id: Uuid, json: bool) -> Result<(), JobError> {
    let store = store().await?;
    let plan = known_plan(&store, plan_id).await?;
    let progress = store.redrive_progress(plan_id).await?;
    print(&Done { plan_id, unit: plan.queue, action: action(plan.action), progress: progress.into() }, json)
}

/// What was asked for.
struct Wanted {
    action: RedriveAction,
    unit: Option<String>,
    chosen: Chosen,
    plan: Option<Uuid>,
    author: Option<String>,
    reason: Option<String>,
}

async fn work(
    wanted: Wanted,
    pace: Option<Pace>,
    yes: bool,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (database, prefix) = database_and_prefix()?;
    let config = aws_config().await;
    let store = database.open(CONNECTIONS).await?;
    store.forget_old_messages().await?;
    let (plan, queue) = match wanted.plan {
        Some(plan_id) => {
            let plan = known_plan(&store, plan_id).await?;
            if plan.action != wanted.action {
                let told = format!("plan {plan_id} is to {}: say so", action(plan.action));
                return Err(JobError::Usage(told));
            }
            let queue = of_unit(&config, &prefix, &plan.queue).await?;
            (plan, queue)
        }
        None => {
            let unit = wanted.unit.as_deref().unwrap_or_default();
            let queue = of_unit(&config, &prefix, unit).await?;
            let (plan, planned) = make(&store, &queue, &wanted, stop).await?;
            if planned.letters == 0 || !yes {
                return print(&planned, json);
            }
            eprint!("{planned}");
            (plan, queue)
        }
    };
    if !yes {
        return show(plan.plan_id, json).await;
    }
    let sending = match pace {
        Some(pace) => Some((Target::of(&config, &queue, &prefix).await?, pace)),
        None => None,
    };
    let done = run::run(&store, &queue, &plan, sending, stop).await?;
    print(&done, json)?;
    done.verdict()
}

async fn known_plan(store: &Store, plan_id: Uuid) -> Result<RedrivePlan, JobError> {
    let plan = store.redrive_plan(plan_id).await?;
    plan.ok_or_else(|| JobError::NotFound(format!("no plan {plan_id}")))
}

/// Looks at the queue, keeps copies of what is meant, and writes the plan down.
async fn make(
    store: &Store,
    queue: &DeadLetterQueue,
    wanted: &Wanted,
    stop: &CancellationToken,
) -> Result<(RedrivePlan, Planned), JobError> {
    let now = OffsetDateTime::now_utc();
    let (mut letters, mut copies, mut others) = (Vec::new(), Vec::new(), 0);
    let looked_at = scan(&queue.letters, wanted.chosen.scan_limit, stop, |message| {
        let letter = DeadLettered::read(&queue.unit, &message);
        if wanted.chosen.admits(&letter, now) {
            letters.push(letter);
            copies.push(copy(message));
        } else {
            others += 1;
        }
    })
    .await?;
    for some in copies.chunks(COPIES_AT_ONCE) {
        store.keep_messages(&queue.unit, some).await?;
    }
    let plan = RedrivePlan {
        plan_id: Uuid::now_v7(),
        queue: queue.unit.clone(),
        action: wanted.action,
        selection: wanted.chosen.written(),
        author: wanted.author.clone(),
        reason: wanted.reason.clone(),
    };
    let items = items(&queue.unit, &letters);
    if !letters.is_empty() {
        store.create_redrive_plan(&plan, &items).await?;
    }
    let mut by_class = BTreeMap::new();
    for letter in &letters {
        *by_class.entry(letter.class.clone()).or_default() += 1;
    }
    let oldest = letters.iter().map(|letter| letter.first_sent_at).min();
    let planned = Planned {
        plan_id: plan.plan_id,
        action: action(plan.action),
        unit: queue.unit.clone(),
        letters: letters.len(),
        messages: items.len(),
        others,
        looked_at,
        oldest_secs: oldest.map(|at| (now - at).whole_seconds()),
        by_class,
    };
    Ok((plan, planned))
}

fn copy(message: ReceivedMessage) -> DeadLetteredCopy {
    let ReceivedMessage { message_id, body, attributes, sent_at, .. } = message;
    DeadLetteredCopy { message_id, body, attributes, sent_at }
}

/// Letters that can stand for each other become one item; its letter is the one with the newest bound, since a record
/// that is older than that comes from a stale replica. The oldest item comes first.
fn items(unit: &str, letters: &[DeadLettered]) -> Vec<RedriveItem> {
    let mut grouped: BTreeMap<(&str, &[String]), Vec<&DeadLettered>> = BTreeMap::new();
    let mut alone = Vec::new();
    for letter in letters {
        match letter.record.as_ref().and_then(|record| record.shared_by(unit)) {
            Some(shared) => grouped.entry(shared).or_default().push(letter),
            None => alone.push(vec![letter]),
        }
    }
    let mut groups: Vec<Vec<&DeadLettered>> = grouped.into_values().chain(alone).collect();
    groups.sort_by_key(|letters| letters.iter().map(|letter| letter.first_sent_at).min());
    groups
        .into_iter()
        .filter_map(|letters| {
            let newest = letters.iter().max_by_key(|letter| {
                let bound = letter.record.as_ref().and_then(|record| record.not_before);
                (bound, letter.event_time, letter.first_sent_at)
            })?;
            Some(RedriveItem {
                item_id: Uuid::now_v7(),
                message_id: newest.message_id.clone(),
                message_ids: letters.iter().map(|letter| letter.message_id.clone()).collect(),
            })
        })
        .collect()
}

pub(super) const fn action(action: RedriveAction) -> &'static str {
    match action {
        RedriveAction::Redrive => "redrive",
        RedriveAction::Drop => "drop",
    }
}

/// A plan that was made.
#[derive(Serialize)]
struct Planned {
    plan_id: Uuid,
    action: &'static str,
    unit: String,
    letters: usize,
    /// What would be sent.
    messages: usize,
    /// Letters that are not meant.
    others: usize,
    looked_at: usize,
    oldest_secs: Option<i64>,
    by_class: BTreeMap<String, usize>,
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan_id, action, unit, letters, messages, others, oldest_secs, by_class, .. } = self;
        if *letters == 0 {
            return writeln!(f, "nothing to {action}: none of {others} dead letter(s) of {unit} is meant");
        }
        let oldest = age(oldest_secs.unwrap_or_default());
        writeln!(f, "plan {plan_id}: {action} {letters} dead letter(s) of {unit}, the oldest {oldest} old")?;
        by_class.iter().try_for_each(|(class, count)| writeln!(f, "  {count:>6}  {class}"))?;
        match *action {
            "redrive" => writeln!(f, "as {messages} message(s); {others} other letter(s) stay")?,
            _ => writeln!(f, "copies are kept; {others} other letter(s) stay")?,
        }
        writeln!(f, "to carry it out: coppice dlq {action} --plan {plan_id} --yes")
    }
}

/// Progress, as it is reported.
#[derive(Serialize, Debug, Clone, Copy)]
#[allow(missing_docs, reason = "counts of what the names say")]
pub(super) struct Counts {
    pub(super) letters: i64,
    pub(super) letters_deleted: i64,
    pub(super) messages: i64,
    pub(super) sent: i64,
    pub(super) handled: i64,
    pub(super) dead_again: i64,
}

impl From<RedriveProgress> for Counts {
    fn from(progress: RedriveProgress) -> Self {
        Self {
            letters: progress.messages,
            letters_deleted: progress.messages_deleted,
            messages: progress.items,
            sent: progress.items_sent,
            handled: progress.items_handled,
            dead_again: progress.items_dead_lettered,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sqs_queue::Receipt;
    use time::macros::datetime;

    use super::*;

    fn letter(unit: &str, message_id: &str, body: &str) -> DeadLettered {
        let message = ReceivedMessage {
            message_id: message_id.to_owned(),
            receipt: Receipt(String::from("r")),
            body: body.to_owned(),
            receive_count: 1,
            sent_at: datetime!(2026-11-24 10:00 UTC),
            attributes: BTreeMap::new(),
        };
        DeadLettered::read(unit, &message)
    }

    fn event(ids: &str, not_before: &str) -> String {
        format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"coppice.ingress.auth0",
            "time":"2026-11-20T15:10:42Z",
            "detail":{{"ids":{ids},"change":"changed","not_before":"{not_before}"}}}}"#
        )
    }

    #[test]
    fn letters_about_one_record_become_one_message_with_the_newest_bound() {
        let bodies = [
            event(r#"["ada"]"#, "2026-11-20T15:00:00Z"),
            event(r#"["ada"]"#, "2026-11-20T16:00:00Z"),
            event(r#"["ada"]"#, "2026-11-20T14:00:00Z"),
            event(r#"["bob"]"#, "2026-11-20T14:00:00Z"),
            String::from("not an event"),
            String::from("not an event"),
        ];
        let of = |unit: &str| -> Vec<DeadLettered> {
            bodies.iter().enumerate().map(|(at, body)| letter(unit, &at.to_string(), body)).collect()
        };
        let mut made: Vec<(String, usize)> = items("sso-sync", &of("sso-sync"))
            .into_iter()
            .map(|item| (item.message_id, item.message_ids.len()))
            .collect();
        made.sort();
        let expected = [("1", 3), ("3", 1), ("4", 1), ("5", 1)];
        assert_eq!(made, expected.map(|(id, letters)| (id.to_owned(), letters)));
        assert_eq!(items("app-login", &of("app-login")).len(), 6, "each sign-in counts");
    }
}
