//! The steps: which records an event names, what the source says of them now, and what follows from it.

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use authority::Role;
use connectors::Fetched;
use event_contract::{Envelope, Hop, TraceContext};
use postgres_store::{Announce, PersonReading, ReadingResult, RecordState, RefetchTicket, Source, Store};
use time::OffsetDateTime;
use worker_runtime::{Cause, Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal, Removed};

use crate::announce::announce;
use crate::failure::{from_provider, from_store};
use crate::source::{EVERYTHING, SourceRecords, announces, stored};

/// A replica that lags has caught up after this time, mostly.
const REPLICA_LAG: Duration = Duration::from_secs(2);

/// Known records that a probe reads at most, besides the last one that was found.
const CONTROLS: u32 = 3;

const MISSING_RECORD_IS_BELIEVED_AFTER: Duration = Duration::from_secs(4);

/// A record that was found so recently shows that others can be found now.
const FOUND_HOLDS: Duration = Duration::from_secs(5);

/// Deletions within [`GUARDED_TIME`] that a source did not state. An event states a deletion, so these are rare: the event was
/// lost, or overtaken. More of them are a fault of our permissions.
const MOST_UNPROVED_DELETIONS: u64 = 10;

const GUARDED_TIME: Duration = Duration::from_secs(3600);

/// The unit whose handler it is.
pub trait RecordUnit: Send + Sync + 'static {
    /// The unit's name: folder, binary, queue stem and metric label.
    const NAME: &'static str;
    /// What its sources are to the organization.
    const ROLE: Role;

    /// Checks that the unit works on such a source.
    ///
    /// # Errors
    /// Which role the source has instead.
    fn check(source: &connectors::Source) -> anyhow::Result<()> {
        let (unit, role, name) = (Self::NAME, Self::ROLE, source.name());
        anyhow::ensure!(
            source.role == role,
            "{unit} works on sources of the role {role}, and {name} has the role {}",
            source.role
        );
        Ok(())
    }
}

/// The handler, for any source.
pub struct RecordSync<U> {
    source: SourceRecords,
    unit: PhantomData<fn() -> U>,
    store: Store,
    /// Deletions that the source did not state have a limit.
    guarded: bool,
    /// The record that was last found at the source, and when.
    found: Mutex<Option<(Instant, String)>>,
}

/// What a refetch brought, with the ticket that was drawn before it.
#[derive(Clone)]
pub enum Reread {
    /// The record as the source has it now, or that it is gone.
    Read {
        /// What the source answered.
        reading: Box<PersonReading>,
        /// The time of the last reading is old enough to be renewed.
        read_is_due: bool,
    },
    /// The source still has the version that was stored when the ticket was drawn.
    NotModified {
        /// The ticket, with the version and the entity tag that were stored then.
        ticket: RefetchTicket,
    },
    /// The record is missing, and the event may be newer than the source's replica. Or the record is there as it was when the source
    /// stated its deletion, and the replica may be older than that. Look again.
    TooEarly,
    /// The event requests a full resync of the source.
    Everything,
}

impl Reread {
    /// The ID of a record that the source says is gone.
    pub fn gone(&self) -> Option<&str> {
        match self {
            Self::Read { reading, .. } if reading.is_gone() => Some(&reading.external_id),
            _ => None,
        }
    }

    fn read_is_due(&self) -> bool {
        match self {
            Self::Read { read_is_due, .. } => *read_is_due,
            Self::NotModified { ticket } => ticket.read_is_due,
            Self::TooEarly | Self::Everything => false,
        }
    }
}

impl<U: RecordUnit> RecordSync<U> {
    /// A handler that reads from `source` and writes to `store`.
    pub const fn new(source: SourceRecords, store: Store) -> Self {
        Self { source, unit: PhantomData, store, guarded: true, found: Mutex::new(None) }
    }

    /// The same without the limit of deletions: for a job that has a limit of its own.
    #[must_use]
    pub fn without_guard(self) -> Self {
        Self { guarded: false, ..self }
    }

    /// The source that it reads from.
    pub const fn source(&self) -> &SourceRecords {
        &self.source
    }
}

impl<U: RecordUnit> Handler for RecordSync<U> {
    const NAME: &'static str = U::NAME;
    type Subject = String;
    type Ticket = RefetchTicket;
    type Fetched = Reread;

    fn upstream(&self) -> &str {
        self.source.name()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<String>, Refusal> {
        let demands = self.source.read_event(envelope).map_err(Refusal::unreadable)?;
        let cause = Cause { event_id: envelope.id, hop: Hop::OUTSIDE, trace: TraceContext::start() };
        Ok(Reading { cause, demands })
    }

    async fn prepare(&self, subjects: &[String]) -> Result<Vec<RefetchTicket>, Failure> {
        let tickets = self.store.draw_refetch_tickets(self.source.name(), subjects).await;
        tickets.map_err(|error| from_store(&error))
    }

    async fn fetch(&self, refetch: &Refetch<String>, ticket: RefetchTicket) -> Result<Reread, Failure> {
        if refetch.subject == EVERYTHING {
            return Ok(Reread::Everything);
        }
        let fetched = self.source.fetch(&refetch.subject, ticket.known_etag.as_deref()).await;
        let fetched = fetched.map_err(|error| from_provider(&error))?;
        if matches!(fetched, Fetched::Found(_) | Fetched::NotModified) {
            self.note_found(&refetch.subject);
        }
        self.reread(refetch, ticket, fetched).await
    }

    fn went_through(&self, reread: &Reread) -> bool {
        match reread {
            Reread::Read { reading, .. } => !reading.is_missing(),
            Reread::NotModified { .. } => true,
            Reread::TooEarly | Reread::Everything => false,
        }
    }

    async fn apply(&self, batch: &[(Refetch<String>, Reread)]) -> Result<Vec<Outcome>, Failure> {
        let mut readings: Vec<PersonReading> = batch
            .iter()
            .filter_map(|(_, reread)| match reread {
                Reread::Read { reading, .. } => Some(PersonReading::clone(reading)),
                Reread::NotModified { .. } | Reread::TooEarly | Reread::Everything => None,
            })
            .collect();
        if let Some((refetch, _)) = batch.iter().find(|(refetch, _)| refetch.subject == EVERYTHING) {
            let requested = self.store.request_resync(self.source.name(), refetch.cause.event_id).await;
            requested.map_err(|error| from_store(&error))?;
        }
        self.limit_deletions(&mut readings).await?;
        let source = Source { name: self.source.name(), role: self.source.role() };
        let results = match readings.is_empty() {
            true => Vec::new(),
            false => self
                .store
                .apply_person_readings(source, &readings)
                .await
                .map_err(|error| from_store(&error))?,
        };
        let stands = self.confirm_unmodified(batch).await?;
        self.note_read(batch).await?;
        let missing = readings.iter().map(PersonReading::is_missing);
        let (mut results, mut stands) = (results.into_iter().zip(missing), stands.into_iter());
        Ok(batch.iter().map(|(_, reread)| outcome(reread, &mut results, &mut stands)).collect())
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        if self.read_known_records().await? {
            return Ok(Probed::SameWay);
        }
        self.source.ping().await.map_err(|error| from_provider(&error))?;
        Ok(Probed::Answers)
    }
}

impl<U: RecordUnit> RecordSync<U> {
    /// What follows from the answer of the source.
    async fn reread(
        &self,
        refetch: &Refetch<String>,
        ticket: RefetchTicket,
        fetched: Fetched,
    ) -> Result<Reread, Failure> {
        let announce = announce(refetch.cause)?;
        let read_is_due = ticket.read_is_due;
        let read = |reading| Reread::Read { reading: Box::new(reading), read_is_due };
        Ok(match fetched {
            // A replica that lags has the old entity tag, too.
            Fetched::NotModified if is_older(ticket.known_version, refetch) => return Err(stale()),
            Fetched::NotModified => Reread::NotModified { ticket },
            // A record can be missing although the event says otherwise: the event can be older than a deletion, or the
            // source's replica older than the event. A fresh message has three tries, whichever pods receive it: at once, after
            // the lag, and after the lag again. Then the answer is believed.
            Fetched::Gone { .. } | Fetched::NotFound | Fetched::NotVisible
                if refetch.removed != Removed::Yes && refetch.age() < MISSING_RECORD_IS_BELIEVED_AFTER =>
            {
                Reread::TooEarly
            }
            Fetched::Gone { merged_into } => {
                let restorable = merged_into.is_none();
                let state = RecordState::Gone { merged_into, proved: true };
                let mut gone = absent(refetch, state, ticket.number, announce);
                if restorable {
                    gone.version_at = self.source.version_of_deleted().or(gone.version_at);
                }
                read(gone)
            }
            answer @ (Fetched::NotFound | Fetched::NotVisible) => {
                let state = self.absence(refetch, &answer).await?;
                read(absent(refetch, state, ticket.number, announce))
            }
            Fetched::Found(found) if is_older(found.version_at, refetch) => return Err(stale()),
            Fetched::Found(found) if found.version_at.is_some() && found.version_at == ticket.deleted_as => {
                Reread::TooEarly
            }
            Fetched::Found(found) => read(PersonReading {
                state: stored(&found),
                announces: announces(&found),
                external_id: found.id,
                version_at: found.version_at,
                etag: found.etag,
                ticket: ticket.number,
                announce,
            }),
        })
    }

    /// What the absence of a record proves.
    async fn absence(&self, refetch: &Refetch<String>, answer: &Fetched) -> Result<RecordState, Failure> {
        // Also of two events whose order is not known: if the record was created again, it has had time to appear.
        if refetch.removed != Removed::No {
            return Ok(RecordState::Gone { merged_into: None, proved: true });
        }
        // With the wrong address or without a permission, a source finds nothing. So another record has to be found.
        let believed = matches!(answer, Fetched::NotFound) && self.finds_others().await?;
        Ok(if believed {
            RecordState::Gone { merged_into: None, proved: false }
        } else {
            RecordState::Missing
        })
    }

    async fn finds_others(&self) -> Result<bool, Failure> {
        if self.last_found().is_some_and(|(at, _)| at.elapsed() < FOUND_HOLDS) {
            return Ok(true);
        }
        self.read_known_records().await
    }

    fn last_found(&self) -> Option<(Instant, String)> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_found(&self, id: &str) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), id.to_owned()));
    }

    /// Turns deletions that the source did not state into missing records, if there are too many of them.
    async fn limit_deletions(&self, readings: &mut [PersonReading]) -> Result<(), Failure> {
        let unproved =
            |reading: &PersonReading| matches!(reading.state, RecordState::Gone { proved: false, .. });
        let count = readings.iter().filter(|reading| unproved(reading)).count() as u64;
        if !self.guarded || count == 0 {
            return Ok(());
        }
        let source = self.source.name();
        let before = self.store.count_unproved_deletions(source, GUARDED_TIME).await;
        let before = before.map_err(|error| from_store(&error))?;
        if before + count <= MOST_UNPROVED_DELETIONS {
            return Ok(());
        }
        tracing::error!(
            source,
            "many records are not found without events of their deletion: they are kept, as missing. Check our permissions there"
        );
        readings
            .iter_mut()
            .filter(|reading| unproved(reading))
            .for_each(|reading| reading.state = RecordState::Missing);
        Ok(())
    }

    /// Reads records that were read before. `true`: one of them was read again.
    async fn read_known_records(&self) -> Result<bool, Failure> {
        let known = self.store.sample_live_records(self.source.name(), rand::random(), CONTROLS).await;
        let known = known.map_err(|error| from_store(&error))?;
        let mut refusals = Vec::new();
        for id in self.last_found().map(|(_, id)| id).into_iter().chain(known) {
            match self.source.fetch(&id, None).await {
                Ok(Fetched::Found(_) | Fetched::NotModified) => {
                    self.note_found(&id);
                    return Ok(true);
                }
                // It may have been deleted.
                Ok(Fetched::Gone { .. } | Fetched::NotFound | Fetched::NotVisible) => {}
                Err(error) => match from_provider(&error) {
                    refusal @ Failure::Rejected { .. } => refusals.push(refusal),
                    failure => return Err(failure),
                },
            }
        }
        // One may have become bad since. That all have is less likely than a fault that they share.
        match refusals.pop() {
            Some(refusal) if !refusals.is_empty() => Err(refusal),
            _ => Ok(false),
        }
    }

    async fn confirm_unmodified(&self, batch: &[(Refetch<String>, Reread)]) -> Result<Vec<bool>, Failure> {
        let unmodified = batch.iter().filter_map(|(refetch, reread)| match reread {
            Reread::NotModified { ticket } => Some((refetch.subject.clone(), ticket.clone())),
            Reread::Read { .. } | Reread::TooEarly | Reread::Everything => None,
        });
        let unmodified: Vec<(String, RefetchTicket)> = unmodified.collect();
        let stands = self.store.confirm_unmodified(self.source.name(), &unmodified).await;
        stands.map_err(|error| from_store(&error))
    }

    async fn note_read(&self, batch: &[(Refetch<String>, Reread)]) -> Result<(), Failure> {
        // Not in the transaction: it must not lock rows that another batch waits for, and a missed note does no harm.
        let due = batch.iter().filter(|(_, reread)| reread.read_is_due());
        let ids: Vec<String> = due.map(|(refetch, _)| refetch.subject.clone()).collect();
        match ids.is_empty() {
            true => Ok(()),
            false => self.store.note_read(self.source.name(), &ids).await.map_err(|error| from_store(&error)),
        }
    }
}

fn absent(refetch: &Refetch<String>, state: RecordState, ticket: i64, announce: Announce) -> PersonReading {
    PersonReading {
        external_id: refetch.subject.clone(),
        // Only an event that says *removed* knows when. The lower bound of any other event must not become the time of a
        // deletion: it would hide a record that was missing by mistake.
        version_at: refetch.not_before.filter(|_| refetch.removed == Removed::Yes),
        etag: None,
        state,
        ticket,
        announce,
        announces: None,
    }
}

fn is_older(version_at: Option<OffsetDateTime>, refetch: &Refetch<String>) -> bool {
    version_at.is_some() && version_at < refetch.not_before
}

fn stale() -> Failure {
    let detail = String::from("the source's answer is older than the event: a replica lags");
    Failure::Transient { class: "stale_read", detail, retry_after: Some(REPLICA_LAG) }
}

fn outcome(
    reread: &Reread,
    results: &mut impl Iterator<Item = (ReadingResult, bool)>,
    stands: &mut impl Iterator<Item = bool>,
) -> Outcome {
    let gone = reread.gone().is_some();
    match reread {
        // An earlier reading was written meanwhile.
        Reread::NotModified { .. } if stands.next() == Some(false) => Outcome::Snooze(Duration::ZERO),
        Reread::NotModified { .. } => Outcome::Unchanged,
        Reread::TooEarly => Outcome::Snooze(REPLICA_LAG),
        Reread::Everything => Outcome::Applied,
        Reread::Read { .. } => match results.next() {
            Some((_, true)) => Outcome::Missing,
            Some((ReadingResult::Applied, false)) if gone => Outcome::Gone,
            Some((ReadingResult::Applied, false)) => Outcome::Applied,
            Some((ReadingResult::Unchanged, false)) | None => Outcome::Unchanged,
        },
    }
}

#[cfg(test)]
mod tests;
