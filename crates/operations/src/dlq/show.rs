//! One dead-lettered message in full: why it is there, every failed attempt, and its records as stored and as their providers
//! have them. Reads only.

use std::fmt;

use postgres_store::{KeptMessage, NotedFailure, PersonKey, RecordStanding, Store, StoredPerson};
use serde::{Serialize, Serializer};
use sqs_queue::{Receipt, ReceivedMessage};
use time::OffsetDateTime;
use time::serde::rfc3339;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::at_provider::{AtProvider, Sources, instant};
use super::message::DeadLettered;
use super::queues::{DeadLetterQueues, Dlq, UNDELIVERED};
use super::record_key::{PERSON, RecordKey};
use super::scan::scan;
use crate::OperationError;

const SCAN_LIMIT: usize = 100_000;

/// One message. The body holds what the event held: no `Debug`.
#[derive(Clone, Serialize)]
pub struct MessageReport {
    /// The message.
    #[serde(flatten)]
    pub message: DeadLettered,
    /// Where it went. `None`: it is in the DLQ, and this is the message itself. Otherwise this is its copy.
    pub whereabouts: Option<Whereabouts>,
    /// Failed attempts, as the workers noted them.
    pub failures: Vec<AttemptReport>,
    /// The records that it names.
    pub records: Vec<RecordComparison>,
    /// `None` for a message of `undelivered`: it may be a partner's whole event.
    pub body: Option<String>,
}

/// What became of a message that is no longer visible. Serialises as its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// A plan has deleted it: `redriven` or `dropped`.
    Resolved(String, Option<OffsetDateTime>),
    /// Another reader hides it, or SQS has let it expire.
    NotSeen,
}

/// One failed attempt.
#[derive(Debug, Clone, Serialize)]
pub struct AttemptReport {
    /// When it failed.
    #[serde(with = "rfc3339")]
    pub failed_at: OffsetDateTime,
    /// The kind of failure.
    pub class: String,
    /// What failed, without any personal value.
    pub detail: String,
    /// The worker's version.
    pub worker_version: String,
}

/// A record here and at its provider.
#[derive(Debug, Clone, Serialize)]
pub struct RecordComparison {
    /// The source of the record; `person` for a person of our own.
    pub source: String,
    /// The record.
    pub id: String,
    /// Whose it is.
    pub person_id: Option<Uuid>,
    /// What is stored.
    pub here: String,
    /// What the provider says.
    pub there: AtProvider,
    /// What a redrive would change.
    pub verdict: &'static str,
}

/// Finds a message by SQS's ID of it, or of the message that the unit received, and compares its records with their providers.
///
/// # Errors
/// [`OperationError::NoDlq`], [`OperationError::NoMessage`], [`OperationError::ReadStopped`], failures of SQS and the database.
pub async fn show(
    store: &Store,
    queues: &DeadLetterQueues,
    providers: &Sources<'_>,
    unit: &str,
    message_id: &str,
    stop: &CancellationToken,
) -> Result<MessageReport, OperationError> {
    let dlq = queues.of_unit(unit).await?;
    let (message, body, whereabouts) = find(store, &dlq, message_id, stop).await?;
    let failures = store.noted_failures(unit, &message.original_id).await?;
    let records = match &message.record {
        Some(record) => compare(store, providers, record).await?,
        None => Vec::new(),
    };
    let body = (unit != UNDELIVERED).then_some(body);
    let report = |NotedFailure { failed_at, class, detail, worker_version }| AttemptReport {
        failed_at,
        class,
        detail,
        worker_version,
    };
    let failures = failures.into_iter().map(report).collect();
    Ok(MessageReport { message, whereabouts, failures, records, body })
}

async fn find(
    store: &Store,
    dlq: &Dlq,
    wanted: &str,
    stop: &CancellationToken,
) -> Result<(DeadLettered, String, Option<Whereabouts>), OperationError> {
    let kept = store.kept_message(&dlq.unit, wanted).await?;
    // A message that a plan has deleted is not searched for in the queue.
    if kept.as_ref().is_none_or(|kept| kept.resolution.is_none()) {
        let mut found = None;
        scan(&dlq.queue, SCAN_LIMIT, stop, |received| {
            let message = DeadLettered::read(&dlq.unit, &dlq.sources, &received);
            if message.message_id == wanted || message.original_id == wanted {
                found = Some((message, received.body));
            }
        })
        .await?;
        if let Some((message, body)) = found {
            return Ok((message, body, None));
        }
    }
    let kept = kept
        .ok_or_else(|| OperationError::NoMessage { unit: dlq.unit.clone(), message_id: wanted.to_owned() })?;
    Ok(from_copy(dlq, kept))
}

fn from_copy(dlq: &Dlq, kept: KeptMessage) -> (DeadLettered, String, Option<Whereabouts>) {
    let KeptMessage { message: copy, resolution, resolved_at } = kept;
    let received = ReceivedMessage {
        message_id: copy.message_id,
        receipt: Receipt(String::new()),
        body: copy.body,
        receive_count: 0,
        sent_at: copy.sent_at,
        attributes: copy.attributes,
    };
    let whereabouts = resolution.map_or(Whereabouts::NotSeen, |how| Whereabouts::Resolved(how, resolved_at));
    (DeadLettered::read(&dlq.unit, &dlq.sources, &received), received.body, Some(whereabouts))
}

async fn compare(
    store: &Store,
    providers: &Sources<'_>,
    record: &RecordKey,
) -> Result<Vec<RecordComparison>, OperationError> {
    let mut records = Vec::new();
    for id in &record.ids {
        if record.source == PERSON {
            records.push(person(store, id).await?);
            continue;
        }
        let here = store.record_standing(&record.source, id).await?;
        let there = providers.ask(store, &record.source, id).await;
        let verdict = verdict(here.as_ref(), &there);
        records.push(RecordComparison {
            source: record.source.clone(),
            id: id.clone(),
            person_id: here.as_ref().and_then(|here| here.person_id),
            here: here.map_or(String::from("never read"), |here| standing(&here)),
            there,
            verdict,
        });
    }
    Ok(records)
}

async fn person(store: &Store, id: &str) -> Result<RecordComparison, OperationError> {
    let view = match id.parse() {
        Ok(id) => store.view_person(&PersonKey::Id(id)).await?,
        Err(_) => None,
    };
    let here = view.as_ref().map_or(String::from("no such person"), |view| {
        let StoredPerson { status, revision, updated_at, .. } = &view.person;
        format!("{status}, revision {revision}, changed at {}", instant(*updated_at))
    });
    Ok(RecordComparison {
        source: PERSON.to_owned(),
        id: id.to_owned(),
        person_id: view.map(|view| view.person.person_id),
        here,
        there: AtProvider::OurOwn,
        verdict: "a redrive would handle the event again, and change what is out of date",
    })
}

fn standing(here: &RecordStanding) -> String {
    let version = here.version_at.map_or(String::new(), |at| format!(", version {}", instant(at)));
    match here.gone_at {
        Some(at) => format!("gone since {}{version}", instant(at)),
        None => format!("there{version}, changed here at {}", instant(here.changed_at)),
    }
}

fn verdict(here: Option<&RecordStanding>, there: &AtProvider) -> &'static str {
    let gone_here = here.is_some_and(|here| here.gone_at.is_some());
    match (there, here) {
        (AtProvider::NotAsked(_) | AtProvider::Failed(_) | AtProvider::OurOwn, _) => "not known",
        (AtProvider::NotFound, _) => {
            "not known: a redrive would keep it, as missing, unless another record can be read"
        }
        (AtProvider::Gone, None) => "nothing to read: a redrive changes nothing",
        (AtProvider::Gone, Some(_)) if gone_here => "up to date: a redrive changes nothing",
        (AtProvider::Gone, Some(_)) => "out of date: a redrive would mark it as gone",
        (AtProvider::There { .. }, None) => "never read: a redrive would read it",
        (AtProvider::There { version_at: Some(there) }, Some(here))
            if !gone_here && here.version_at >= Some(*there) =>
        {
            "up to date: a redrive changes nothing"
        }
        (AtProvider::There { version_at: None }, Some(_)) if !gone_here => {
            "has no version: a redrive would compare it"
        }
        (AtProvider::There { .. }, Some(_)) => "out of date: a redrive would read it",
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolved(how, at) => {
                write!(f, "no longer in the DLQ: {how} at {}", at.map(instant).unwrap_or_default())
            }
            Self::NotSeen => {
                f.write_str("not in the DLQ: another reader hides it, or it has expired. This is its copy")
            }
        }
    }
}

impl Serialize for Whereabouts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
