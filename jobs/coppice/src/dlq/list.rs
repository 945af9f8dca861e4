//! `dlq list`.

use std::collections::BTreeMap;
use std::fmt;

use job_process::{JobError, age, print};
use serde::Serialize;
use settings::Reader;
use sqs_queue::Queue;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use worker_process::BUS_NAME;

use super::fleet::{DeadLetterQueue, aws_config, dead_letter_queues, refused};
use super::message::DeadLettered;
use super::scan::scan;

pub(super) async fn run(
    units: &[String],
    limit: usize,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let prefix = Reader::from_environment().read(BUS_NAME)?;
    let all = dead_letter_queues(&aws_config().await, &prefix).await?;
    if let Some(unknown) = units.iter().find(|unit| !all.iter().any(|queue| queue.unit == **unit)) {
        return Err(JobError::NotFound(format!("no unit {unknown:?} has dead letters")));
    }
    let mut listed = Vec::new();
    for queue in all.iter().filter(|queue| units.is_empty() || units.contains(&queue.unit)) {
        listed.push(look(queue, limit, stop).await?);
    }
    print(&Listed(listed), json)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Listed(Vec<ListedQueue>);

/// One dead-letter queue.
#[derive(Serialize)]
struct ListedQueue {
    unit: String,
    /// By SQS's own, approximate, count.
    letters: u64,
    /// Those whose reasons are counted here.
    looked_at: usize,
    oldest_secs: Option<i64>,
    /// Until SQS deletes the first of them.
    first_expires_in_secs: Option<i64>,
    groups: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    class: String,
    event_type: String,
    worker_version: String,
    letters: usize,
    /// The records that they name, as far as that can be seen.
    records: usize,
    redriven_before: usize,
}

async fn look(
    queue: &DeadLetterQueue,
    limit: usize,
    stop: &CancellationToken,
) -> Result<ListedQueue, JobError> {
    let depth = queue.letters.depth().await.map_err(|error| refused(&error))?;
    let retention = queue.letters.facts().await.map_err(|error| refused(&error))?.retention_secs;
    let mut letters = Vec::new();
    if !depth.is_empty() {
        scan(&queue.letters, limit, stop, |message| letters.push(DeadLettered::read(&queue.unit, &message)))
            .await?;
    }
    let now = OffsetDateTime::now_utc();
    let kept = letters.iter().map(|letter| letter.kept_since).min();
    Ok(ListedQueue {
        unit: queue.unit.clone(),
        letters: depth.visible + depth.in_flight + depth.delayed,
        looked_at: letters.len(),
        oldest_secs: letters.iter().map(|letter| (now - letter.first_sent_at).whole_seconds()).max(),
        first_expires_in_secs: kept.map(|at| retention - (now - at).whole_seconds()),
        groups: grouped(&letters),
    })
}

/// The largest group first.
fn grouped(letters: &[DeadLettered]) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String, String), Vec<&DeadLettered>> = BTreeMap::new();
    for letter in letters {
        let unknown = || String::from("-");
        let event_type = letter.event_type.clone().unwrap_or_else(unknown);
        let version = letter.worker_version.clone().unwrap_or_else(unknown);
        groups.entry((letter.class.clone(), event_type, version)).or_default().push(letter);
    }
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|((class, event_type, worker_version), letters)| {
            let mut records: Vec<_> = letters
                .iter()
                .filter_map(|letter| letter.record.as_ref())
                .flat_map(|record| record.ids.iter().map(|id| (record.source, id)))
                .collect();
            records.sort_unstable();
            records.dedup();
            let redriven_before = letters.iter().filter(|letter| letter.redriven_before).count();
            Group {
                class,
                event_type,
                worker_version,
                letters: letters.len(),
                records: records.len(),
                redriven_before,
            }
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.letters));
    groups
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|queue| write!(f, "{queue}"))
    }
}

impl fmt::Display for ListedQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, letters, looked_at, oldest_secs, first_expires_in_secs, groups } = self;
        if *letters == 0 && groups.is_empty() {
            return writeln!(f, "{unit}: none");
        }
        write!(f, "{unit}: {letters} letter(s)")?;
        if let (Some(oldest), Some(expires)) = (oldest_secs, first_expires_in_secs) {
            write!(f, ", oldest {}, the first expires in {}", age(*oldest), age(*expires))?;
        }
        if *letters > *looked_at as u64 {
            write!(f, "; {looked_at} looked at")?;
        }
        writeln!(f)?;
        for group in groups {
            let Group { class, event_type, worker_version, letters, records, redriven_before } = group;
            write!(f, "  {letters:>6}  {class}  {event_type}  worker {worker_version}  {records} record(s)")?;
            if *redriven_before > 0 {
                write!(f, ", {redriven_before} redriven before")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
