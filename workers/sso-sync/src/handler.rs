//! The worker's steps: which users an event names, what the provider says of them now, and what follows from it.

use std::time::Duration;

use event_contract::{Envelope, Hop, TraceContext};
use postgres_store::{Announce, PersonReading, ReadingResult, RefetchTicket, Store};
use provider_sso::{FetchedUser, SsoProvider, UserChange, UserHint};
use worker_runtime::{Cause, Claim, Demand, Failure, Handler, Outcome, Reading, Refusal};

use crate::failure::{from_provider, from_store, unreadable_envelope, unreadable_event};
use crate::mapping::{gone, present};

/// A user who is missing although the event says otherwise is looked for this often before we believe it: the
/// event can be older than a deletion, or the provider's replica older than the event.
const LOOKS_FOR_A_MISSING_USER: u32 = 3;

/// A replica that lags has caught up after this time, mostly.
const REPLICA_LAG: Duration = Duration::from_secs(2);

/// The handler, for any identity provider.
pub struct SsoSyncHandler<P> {
    provider: P,
    store: Store,
}

/// What a refetch brought, with the ticket that was drawn before it.
#[derive(Clone)]
pub enum Reread {
    /// What the provider says of the user now, or that it is gone.
    Read(Box<PersonReading>),
    /// What is stored is what the provider has.
    NotModified,
    /// The answer is older than the event, or missing too early: look again.
    TooEarly,
}

impl<P: SsoProvider> SsoSyncHandler<P> {
    /// A handler that asks `provider` and writes to `store`.
    pub const fn new(provider: P, store: Store) -> Self {
        Self { provider, store }
    }
}

impl<P: SsoProvider> Handler for SsoSyncHandler<P> {
    const NAME: &'static str = "sso-sync";
    type Subject = String;
    type Ticket = RefetchTicket;
    type Fetched = Reread;

    fn upstream(&self) -> &str {
        self.provider.source()
    }

    fn read(&self, body: &str) -> Result<Reading<String>, Refusal> {
        let envelope = Envelope::parse(body).map_err(|error| unreadable_envelope(&error))?;
        let hints = self.provider.read_event(&envelope).map_err(|error| unreadable_event(&error))?;
        let cause = Cause { event_id: envelope.id, hop: Hop::OUTSIDE, trace: TraceContext::start() };
        Ok(Reading { cause, demands: hints.into_iter().map(demand).collect() })
    }

    async fn prepare(&self, subjects: &[String]) -> Result<Vec<RefetchTicket>, Failure> {
        self.store
            .draw_refetch_tickets(self.provider.source(), subjects)
            .await
            .map_err(|error| from_store(&error))
    }

    async fn fetch(&self, claim: &Claim<String>, ticket: RefetchTicket) -> Result<Reread, Failure> {
        let fetched = self.provider.fetch_user(&claim.subject, ticket.known_etag.as_deref()).await;
        let announce = announce(claim.cause)?;
        Ok(match fetched.map_err(|error| from_provider(&error))? {
            FetchedUser::NotModified => Reread::NotModified,
            FetchedUser::Gone if !claim.removed && claim.receive_count < LOOKS_FOR_A_MISSING_USER => {
                Reread::TooEarly
            }
            FetchedUser::Gone => Reread::Read(Box::new(gone(claim, ticket.number, announce))),
            FetchedUser::Found(user) if user.version.is_some() && user.version < claim.not_before => {
                return Err(stale());
            }
            FetchedUser::Found(user) => Reread::Read(Box::new(present(*user, ticket.number, announce))),
        })
    }

    async fn apply(&self, batch: &[(Claim<String>, Reread)]) -> Result<Vec<Outcome>, Failure> {
        let readings: Vec<PersonReading> = batch
            .iter()
            .filter_map(|(_, reread)| match reread {
                Reread::Read(reading) => Some(PersonReading::clone(reading)),
                Reread::NotModified | Reread::TooEarly => None,
            })
            .collect();
        let results = match readings.is_empty() {
            true => Vec::new(),
            false => self
                .store
                .apply_person_readings(self.provider.source(), &readings)
                .await
                .map_err(|error| from_store(&error))?,
        };
        let mut results = results.into_iter();
        Ok(batch.iter().map(|(_, reread)| outcome(reread, &mut results)).collect())
    }

    async fn probe(&self) -> Result<(), Failure> {
        self.provider.ping().await.map_err(|error| from_provider(&error))
    }
}

fn demand(hint: UserHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.change == UserChange::Deleted }
}

fn announce(cause: Cause) -> Result<Announce, Failure> {
    let hop = cause
        .hop
        .next()
        .map_err(|error| Failure::Permanent { class: "hop_limit", detail: error.to_string() })?;
    Ok(Announce { cause: cause.event_id, hop, traceparent: cause.trace.child() })
}

fn stale() -> Failure {
    let detail = String::from("the provider's answer is older than the event: a replica lags");
    Failure::Transient { class: "stale_read", detail, retry_after: Some(REPLICA_LAG) }
}

fn outcome(reread: &Reread, results: &mut impl Iterator<Item = ReadingResult>) -> Outcome {
    let gone = matches!(reread, Reread::Read(reading) if reading.is_gone());
    match reread {
        Reread::NotModified => Outcome::Unchanged,
        Reread::TooEarly => Outcome::Snooze(REPLICA_LAG),
        Reread::Read(_) => match results.next() {
            Some(ReadingResult::Applied) if gone => Outcome::Gone,
            Some(ReadingResult::Applied) => Outcome::Applied,
            Some(ReadingResult::Unchanged) | None => Outcome::Unchanged,
        },
    }
}
