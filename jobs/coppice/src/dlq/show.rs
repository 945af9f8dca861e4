//! `dlq show`.

use std::fmt;

use job_process::{JobError, age, instant, print, printable};
use postgres_store::{KeptMessage, NotedFailure, PersonKey, RecordStanding, Store, StoredPerson};
use serde::Serialize;
use sqs_queue::ReceivedMessage;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::fleet::{DeadLetterQueue, UNDELIVERED, aws_config, database_and_prefix, of_unit};
use super::message::DeadLettered;
use super::provider::{self, AtProvider};
use super::record_key::{PERSON, RecordKey};
use super::scan::scan;
use crate::database::CONNECTIONS;

/// Letters that are looked through for the one.
const SCAN_LIMIT: usize = 100_000;

pub(super) async fn run(
    unit: &str,
    message_id: &str,
    json: bool,
    stop: &CancellationToken,
) -> Result<(), JobError> {
    let (database, prefix) = database_and_prefix()?;
    let config = aws_config().await;
    let store = database.open(CONNECTIONS).await?;
    let queue = of_unit(&config, &prefix, unit).await?;
    let (letter, body, whereabouts) = find(&store, &queue, message_id, stop).await?;
    let failures = store.noted_failures(unit, &letter.original_id).await?;
    let records = match &letter.record {
        Some(record) => records(&store, record).await?,
        None => Vec::new(),
    };
    // A partner's whole event stays where it is.
    let body = (unit != UNDELIVERED).then_some(body);
    print(
        &Shown {
            letter,
            whereabouts,
            failures: failures.into_iter().map(Into::into).collect(),
            records,
            body,
        },
        json,
    )
}

/// The letter in the queue, or else its copy, with what is known of where the letter is.
async fn find(
    store: &Store,
    queue: &DeadLetterQueue,
    wanted: &str,
    stop: &CancellationToken,
) -> Result<(DeadLettered, String, Option<String>), JobError> {
    let kept = store.kept_message(&queue.unit, wanted).await?;
    if kept.as_ref().is_none_or(|kept| kept.resolution.is_none()) {
        let mut found = None;
        scan(&queue.letters, SCAN_LIMIT, stop, |message| {
            let letter = DeadLettered::read(&queue.unit, &message);
            if letter.message_id == wanted || letter.original_id == wanted {
                found = Some((letter, message.body));
            }
        })
        .await?;
        if let Some((letter, body)) = found {
            return Ok((letter, body, None));
        }
    }
    let kept = kept.ok_or_else(|| {
        JobError::NotFound(format!(
            "no dead letter {wanted:?} of {} is visible: another may be looking at it",
            queue.unit
        ))
    })?;
    Ok(from_copy(&queue.unit, kept))
}

fn from_copy(unit: &str, kept: KeptMessage) -> (DeadLettered, String, Option<String>) {
    let KeptMessage { message: letter, resolution, resolved_at } = kept;
    let message = ReceivedMessage {
        message_id: letter.message_id,
        receipt: sqs_queue::Receipt(String::new()),
        body: letter.body,
        receive_count: 0,
        sent_at: letter.sent_at,
        attributes: letter.attributes,
    };
    let whereabouts = match resolution {
        Some(resolution) => {
            format!(
                "no longer in the queue: {resolution} at {}",
                resolved_at.map(instant).unwrap_or_default()
            )
        }
        None => String::from(
            "not seen in the queue: another reader hides it, or it has expired; this is its copy",
        ),
    };
    (DeadLettered::read(unit, &message), message.body, Some(whereabouts))
}

/// What each record of a letter is now, here and at its provider.
async fn records(store: &Store, record: &RecordKey) -> Result<Vec<ShownRecord>, JobError> {
    let mut records = Vec::new();
    for id in &record.ids {
        if record.source == PERSON {
            records.push(person(store, id).await?);
            continue;
        }
        let here = store.record_standing(record.source, id).await?;
        let there = provider::ask(record.source, id).await;
        let verdict = verdict(here.as_ref(), &there);
        records.push(ShownRecord {
            source: record.source,
            id: id.clone(),
            person_id: here.as_ref().and_then(|here| here.person_id).map(|id| id.to_string()),
            here: here.map_or(String::from("never read"), |here| standing(&here)),
            there: there.to_string(),
            verdict,
        });
    }
    Ok(records)
}

/// A person of our own, whom an internal event names.
async fn person(store: &Store, id: &str) -> Result<ShownRecord, JobError> {
    let view = match id.parse() {
        Ok(id) => store.view_person(&PersonKey::Id(id)).await?,
        Err(_) => None,
    };
    let here = view.as_ref().map_or(String::from("nobody"), |view| {
        let StoredPerson { status, revision, updated_at, .. } = &view.person;
        format!("{status}, revision {revision}, changed at {}", instant(*updated_at))
    });
    Ok(ShownRecord {
        source: PERSON,
        id: id.to_owned(),
        person_id: view.map(|view| view.person.person_id.to_string()),
        here,
        there: String::from("a person is our own: no provider has them"),
        verdict: "a redrive would read the person again, and do what is still to be done",
    })
}

fn standing(here: &RecordStanding) -> String {
    let version = here.version_at.map_or(String::new(), |at| format!(", version {}", instant(at)));
    match here.gone_at {
        Some(at) => format!("gone since {}{version}", instant(at)),
        None => format!("there{version}, changed here at {}", instant(here.changed_at)),
    }
}

/// What a redrive would bring.
fn verdict(here: Option<&RecordStanding>, there: &AtProvider) -> &'static str {
    let gone_here = here.is_some_and(|here| here.gone_at.is_some());
    match (there, here) {
        (AtProvider::NotAsked(_) | AtProvider::Failed(_), _) => "not known",
        (AtProvider::Gone, None) => "nothing to read: a redrive ends at once",
        (AtProvider::Gone, Some(_)) if gone_here => "up to date: a redrive changes nothing",
        (AtProvider::Gone, Some(_)) => "out of date: a redrive would note that it is gone",
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

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    letter: DeadLettered,
    /// What is known of where it is, when this is its copy.
    whereabouts: Option<String>,
    failures: Vec<ShownFailure>,
    records: Vec<ShownRecord>,
    body: Option<String>,
}

#[derive(Serialize)]
struct ShownFailure {
    failed_at: String,
    class: String,
    detail: String,
    worker_version: String,
}

impl From<NotedFailure> for ShownFailure {
    fn from(failure: NotedFailure) -> Self {
        let NotedFailure { failed_at, class, detail, worker_version } = failure;
        Self { failed_at: instant(failed_at), class, detail, worker_version }
    }
}

#[derive(Serialize)]
struct ShownRecord {
    source: &'static str,
    id: String,
    person_id: Option<String>,
    here: String,
    there: String,
    verdict: &'static str,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = &self.letter;
        writeln!(f, "letter {}, message {}", letter.message_id, letter.original_id)?;
        if let Some(whereabouts) = &self.whereabouts {
            writeln!(f, "  {whereabouts}")?;
        }
        writeln!(f, "  why       {}: {}", letter.class, letter.detail.as_deref().unwrap_or("no detail"))?;
        let since = (OffsetDateTime::now_utc() - letter.first_sent_at).whole_seconds();
        writeln!(f, "  sent      {}, {} ago", instant(letter.first_sent_at), age(since))?;
        let version = letter.worker_version.as_deref().unwrap_or("-");
        let attempts = letter.attempts.as_deref().unwrap_or("-");
        let again = if letter.redriven_before { ", after a redrive" } else { "" };
        writeln!(f, "  worker    version {version}, {attempts} attempt(s){again}")?;
        if let (Some(source), Some(kind)) = (&letter.event_source, &letter.event_type) {
            writeln!(f, "  event     {kind} from {source}")?;
        }
        for failure in &self.failures {
            let ShownFailure { failed_at, class, detail, worker_version } = failure;
            writeln!(f, "  failed    {failed_at}  {class}: {detail} (worker {worker_version})")?;
        }
        for record in &self.records {
            let ShownRecord { source, id, person_id, here, there, verdict } = record;
            let person = person_id.as_deref().unwrap_or("nobody yet");
            writeln!(f, "  record    {source} {id}, of person {person}")?;
            writeln!(f, "            here:  {here}")?;
            writeln!(f, "            there: {there}")?;
            writeln!(f, "            {verdict}")?;
        }
        if let Some(body) = &self.body {
            writeln!(f, "  body      {}", printable(body).replace('\n', " "))?;
        }
        Ok(())
    }
}
