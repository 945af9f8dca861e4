//! The worker's steps: it reads a sign-in from an event, finds the user, and counts the sign-in. If the database has no record
//! of the user, the worker first reads the user by the path of `sso-sync`, so a consumer of `AppLoginRecorded` finds the
//! person.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use authority::Role;
use connectors::{FoundSignIn, ProviderError, SignIn, SignInEvent, Source};
use event_contract::{Envelope, Hop, TraceContext, UnreadableEvent};
use postgres_store::{Announce, Login, ReadingResult, Store};
use record_sync::{RecordSync, RecordUnit, Reread, SourceRecords, announce, from_provider, from_store};
use worker_runtime::{Cause, Demand, Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal, Removed};

use crate::sign_in_key::SignInKey;
use crate::unknown_users::{UnknownUser, UnknownUsers, UserAnswer};

// The stream can deliver an entry before the log has it. The worker looks again, each time after twice as long, until the
// message is this old. Then it treats the entry as gone.
const MISSING_ENTRY_IS_GONE_AFTER: Duration = Duration::from_secs(30);

// After this time the log and the provider's replica have mostly caught up.
const LAG: Duration = Duration::from_secs(2);

/// The handler: counts sign-ins, and reads users that the database does not have.
pub struct SignIns {
    users: RecordSync<Users>,
    unknown: UnknownUsers,
    store: Store,
}

/// What the worker knows of a sign-in after the read.
#[derive(Clone)]
pub enum FetchedSignIn {
    /// A sign-in.
    Found {
        /// The sign-in.
        sign_in: SignIn,
        /// The user, if the database had no record of it.
        user: Option<Arc<UserAnswer>>,
        /// How to announce the sign-in.
        announce: Announce,
    },
    /// The log does not have the entry yet. Look again after this time.
    TooEarly(Duration),
    /// The sign-in cannot be counted.
    Dropped(Reason),
}

/// Why a sign-in is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The log has no such entry, or no longer: it keeps entries for a day on the smallest plans.
    NotInLog,
    /// The entry does not say who signed in, or to what.
    NotNamed,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotInLog => "not_in_log",
            Self::NotNamed => "not_named",
        }
    }
}

/// The users, as the unit reads them.
struct Users;

impl RecordUnit for Users {
    const NAME: &'static str = "app-login";
    const ROLE: Role = Role::Sso;
}

impl SignIns {
    /// Creates a handler that reads from `source` and writes to `store`.
    ///
    /// # Errors
    /// When the source is no identity provider, or has no log of sign-ins.
    pub fn new(source: Source, store: Store) -> anyhow::Result<Self> {
        Users::check(&source)?;
        let name = source.name().to_owned();
        source.records.sign_ins().with_context(|| format!("{name} has no log of sign-ins"))?;
        let users = RecordSync::new(SourceRecords::new(source), store.clone());
        Ok(Self { users, unknown: UnknownUsers::default(), store })
    }

    fn source(&self) -> &Source {
        self.users.source().source()
    }

    fn read_sign_in(&self, envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
        let origin = self.source().events.origin(envelope)?;
        let log = self.source().records.sign_ins();
        log.map_or(Ok(SignInEvent::Ignored), |log| log.read_sign_in(envelope, origin))
    }

    async fn fetch_sign_in(&self, event_id: &str) -> Result<FoundSignIn, ProviderError> {
        match self.source().records.sign_ins() {
            Some(log) => log.fetch_sign_in(event_id).await,
            None => Ok(FoundSignIn::Missing),
        }
    }

    /// The users among `users` that the database does not have, each with a ticket drawn before the read.
    async fn unknown(&self, users: &[String]) -> Result<BTreeMap<String, UnknownUser>, Failure> {
        if users.is_empty() {
            return Ok(BTreeMap::new());
        }
        // Take the shared answers before the query. Then an answer that another sign-in drops later is either also ours,
        // or already written.
        let mut answers: BTreeMap<&str, Arc<UserAnswer>> =
            users.iter().map(|user| (user.as_str(), self.unknown.answer_about(user))).collect();
        let unknown = self.store.unknown_records(self.users.upstream(), users).await;
        let unknown: Vec<String> = unknown.map_err(|error| from_store(&error))?.into_iter().collect();
        if unknown.is_empty() {
            return Ok(BTreeMap::new());
        }
        let tickets = self.users.prepare(&unknown).await?;
        let users = unknown.into_iter().zip(tickets).filter_map(|(user, ticket)| {
            let answer = answers.remove(user.as_str())?;
            Some((user, UnknownUser { ticket, answer }))
        });
        Ok(users.collect())
    }

    async fn read_user(
        &self,
        user_id: &str,
        refetch: &Refetch<SignInKey>,
        UnknownUser { ticket, answer }: UnknownUser,
    ) -> Result<Arc<UserAnswer>, Failure> {
        let read = async || {
            // A sign-in gives no lower bound for the user's version: it only shows that the user existed.
            let user = Refetch {
                subject: user_id.to_owned(),
                not_before: None,
                removed: Removed::No,
                cause: refetch.cause,
                sent_at: refetch.sent_at,
            };
            let reread = self.users.fetch(&user, ticket).await?;
            Ok((user, reread))
        };
        answer.cell().get_or_try_init(read).await?;
        Ok(answer)
    }

    async fn write_users(&self, batch: &[(Refetch<SignInKey>, FetchedSignIn)]) -> Result<(), Failure> {
        let answers = batch.iter().filter_map(|(_, fetched)| match fetched {
            FetchedSignIn::Found { user: Some(user), .. } => user.get(),
            FetchedSignIn::Found { user: None, .. }
            | FetchedSignIn::TooEarly(_)
            | FetchedSignIn::Dropped(_) => None,
        });
        let users: BTreeMap<&str, &(Refetch<String>, Reread)> =
            // Each user once, in a transaction before that of the sign-ins: a second write changes nothing, and the users are
            // correct whether or not the sign-ins are counted afterwards.
            answers.map(|answer| (answer.0.subject.as_str(), answer)).collect();
        if users.is_empty() {
            return Ok(());
        }
        let users: Vec<(Refetch<String>, Reread)> = users.into_values().cloned().collect();
        self.users.apply(&users).await.map(|_| ())
    }
}

impl Handler for SignIns {
    const NAME: &'static str = Users::NAME;
    type Subject = SignInKey;
    type Ticket = Option<UnknownUser>;
    type Fetched = FetchedSignIn;

    fn upstream(&self) -> &str {
        self.users.upstream()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<SignInKey>, Refusal> {
        let event = self.read_sign_in(envelope).map_err(Refusal::unreadable)?;
        let demand = |subject| Demand { subject, not_before: None, removed: false };
        let cause = Cause { event_id: envelope.id, hop: Hop::OUTSIDE, trace: TraceContext::start() };
        Ok(Reading { cause, demands: SignInKey::of(event).map(demand).into_iter().collect() })
    }

    async fn prepare(&self, subjects: &[SignInKey]) -> Result<Vec<Option<UnknownUser>>, Failure> {
        let users: Vec<String> = subjects.iter().filter_map(SignInKey::user_id).map(str::to_owned).collect();
        let unknown = self.unknown(&users).await?;
        Ok(subjects.iter().map(|subject| unknown.get(subject.user_id()?).cloned()).collect())
    }

    async fn fetch(
        &self,
        refetch: &Refetch<SignInKey>,
        unknown: Option<UnknownUser>,
    ) -> Result<FetchedSignIn, Failure> {
        let announce = announce(refetch.cause)?;
        let (sign_in, unknown) = match refetch.subject.sign_in() {
            // A log entry never changes, so a whole entry in the event is not read again.
            Some(sign_in) => (sign_in, unknown),
            None => {
                let entry = self.fetch_sign_in(refetch.subject.event_id()).await;
                let sign_in = match entry.map_err(|error| from_provider(&error))? {
                    FoundSignIn::Found(sign_in) => sign_in,
                    // An entry never changes.
                    FoundSignIn::Unnamed => return Ok(FetchedSignIn::Dropped(Reason::NotNamed)),
                    FoundSignIn::Missing => return Ok(missing(refetch.age())),
                };
                let unknown =
                    self.unknown(std::slice::from_ref(&sign_in.user_id)).await?.into_values().next();
                (sign_in, unknown)
            }
        };
        let user = match unknown {
            Some(unknown) => Some(self.read_user(&sign_in.user_id, refetch, unknown).await?),
            None => None,
        };
        Ok(FetchedSignIn::Found { sign_in, user, announce })
    }

    fn went_through(&self, fetched: &FetchedSignIn) -> bool {
        matches!(fetched, FetchedSignIn::Found { .. } | FetchedSignIn::Dropped(Reason::NotNamed))
    }

    async fn apply(&self, batch: &[(Refetch<SignInKey>, FetchedSignIn)]) -> Result<Vec<Outcome>, Failure> {
        self.write_users(batch).await?;
        let logins: Vec<Login> = batch.iter().filter_map(|(_, fetched)| login(fetched)).collect();
        let results = match logins.is_empty() {
            true => Vec::new(),
            false => self
                .store
                .record_logins(self.users.upstream(), &logins)
                .await
                .map_err(|error| from_store(&error))?,
        };
        for (refetch, fetched) in batch {
            if let FetchedSignIn::Dropped(reason) = fetched {
                dropped(refetch.subject.event_id(), *reason);
            }
        }
        let mut results = results.into_iter();
        Ok(batch.iter().map(|(_, fetched)| outcome(fetched, &mut results)).collect())
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        self.users.probe().await
    }
}

fn missing(age: Duration) -> FetchedSignIn {
    match age >= MISSING_ENTRY_IS_GONE_AFTER {
        true => FetchedSignIn::Dropped(Reason::NotInLog),
        false => FetchedSignIn::TooEarly(LAG + age),
    }
}

fn dropped(subject: &str, reason: Reason) {
    let reason = reason.as_str();
    metrics::counter!("coppice_sign_ins_dropped_total", "reason" => reason).increment(1);
    tracing::warn!(subject, reason, "sign-in dropped: it is not counted");
}

fn login(fetched: &FetchedSignIn) -> Option<Login> {
    let FetchedSignIn::Found { sign_in, user, announce } = fetched else { return None };
    // If the provider does not show the user yet, a consumer of the announcement could not find the person.
    (!is_too_early(user.as_deref())).then(|| Login {
        event_id: sign_in.event_id.clone(),
        user_id: sign_in.user_id.clone(),
        application_id: sign_in.application_id.clone(),
        at: sign_in.at,
        announce: *announce,
    })
}

fn is_too_early(user: Option<&UserAnswer>) -> bool {
    matches!(user.and_then(UserAnswer::get), Some((_, Reread::TooEarly)))
}

fn outcome(fetched: &FetchedSignIn, results: &mut impl Iterator<Item = ReadingResult>) -> Outcome {
    match fetched {
        FetchedSignIn::TooEarly(wait) => Outcome::Snooze(*wait),
        FetchedSignIn::Dropped(_) => Outcome::Gone,
        FetchedSignIn::Found { user, .. } if is_too_early(user.as_deref()) => Outcome::Snooze(LAG),
        FetchedSignIn::Found { .. } => match results.next() {
            Some(ReadingResult::Applied) => Outcome::Applied,
            Some(ReadingResult::Unchanged) | None => Outcome::Unchanged,
        },
    }
}
