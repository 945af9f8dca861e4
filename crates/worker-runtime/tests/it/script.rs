//! A handler that does what a test says, and records its calls.
//!
//! An event's detail is its subjects, separated by spaces; `-` names none, `!` is refused, `?` panics.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_contract::{Envelope, Hop, TraceContext};
use sqs_queue::MessageView;
use tokio::time::Instant;
use uuid::Uuid;
use worker_runtime::{Cause, Demand, Failure, Handler, Outcome, Probed, Reading, Refetch, Refusal};

/// How one step goes.
#[derive(Clone)]
pub(crate) struct Step {
    takes: Duration,
    ends: End,
}

#[derive(Clone)]
enum End {
    Well(Outcome),
    Badly(Failure),
    Panicking,
    Miscounted,
}

impl Step {
    pub(crate) const fn well() -> Self {
        Self { takes: Duration::ZERO, ends: End::Well(Outcome::Applied) }
    }

    pub(crate) const fn with(outcome: Outcome) -> Self {
        Self { takes: Duration::ZERO, ends: End::Well(outcome) }
    }

    pub(crate) const fn failing(failure: Failure) -> Self {
        Self { takes: Duration::ZERO, ends: End::Badly(failure) }
    }

    pub(crate) const fn panicking() -> Self {
        Self { takes: Duration::ZERO, ends: End::Panicking }
    }

    pub(crate) const fn miscounted() -> Self {
        Self { takes: Duration::ZERO, ends: End::Miscounted }
    }

    pub(crate) const fn taking(secs: u64) -> Self {
        Self { takes: Duration::from_secs(secs), ends: End::Well(Outcome::Applied) }
    }

    pub(crate) fn after(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    async fn go(self) -> Result<Outcome, Failure> {
        tokio::time::sleep(self.takes).await;
        match self.ends {
            End::Well(outcome) => Ok(outcome),
            End::Badly(failure) => Err(failure),
            End::Panicking => panic!("as scripted"),
            End::Miscounted => Ok(Outcome::Applied),
        }
    }
}

pub(crate) fn transient(class: &'static str) -> Failure {
    Failure::Transient { class, detail: String::from("as scripted"), retry_after: None }
}

pub(crate) fn rejected(class: &'static str) -> Failure {
    Failure::Rejected { class, detail: String::from("as scripted"), names_record: false }
}

pub(crate) fn ours(class: &'static str) -> Failure {
    Failure::Ours { class, detail: String::from("as scripted") }
}

pub(crate) fn upstream() -> Failure {
    let detail = String::from("as scripted");
    Failure::Upstream { class: "http_500", detail, retry_after: None }
}

/// One refetch.
#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) subject: String,
    pub(crate) at: Instant,
    /// Refetches that ran when it had started, itself included.
    pub(crate) running: usize,
}

#[derive(Default)]
struct State {
    fetches: Vec<Fetch>,
    running: usize,
    cancelled: Vec<String>,
    applies: Vec<Vec<String>>,
    applied_at: Vec<Instant>,
    prepares: usize,
    probes: Vec<Instant>,
    down: bool,
    no_known_record: bool,
    prepare: Option<Step>,
    probe: Option<Step>,
    next_fetches: HashMap<String, VecDeque<Step>>,
    every_fetch: HashMap<String, Step>,
    next_applies: VecDeque<Step>,
    every_apply: HashMap<String, Step>,
}

/// See the module's documentation. Clones are one script.
#[derive(Clone, Default)]
pub(crate) struct Script {
    state: Arc<Mutex<State>>,
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next refetch of this subject goes so.
    pub(crate) fn fetch_next(&self, subject: &str, step: Step) {
        self.state().next_fetches.entry(subject.to_owned()).or_default().push_back(step);
    }

    /// Every refetch of this subject goes so.
    pub(crate) fn fetch_always(&self, subject: &str, step: Step) {
        self.state().every_fetch.insert(subject.to_owned(), step);
    }

    /// The next batch is applied so.
    pub(crate) fn apply_next(&self, step: Step) {
        self.state().next_applies.push_back(step);
    }

    /// Every batch with this subject is applied so.
    pub(crate) fn apply_always(&self, subject: &str, step: Step) {
        self.state().every_apply.insert(subject.to_owned(), step);
    }

    /// Every prepare goes so.
    pub(crate) fn prepare_always(&self, step: Step) {
        self.state().prepare = Some(step);
    }

    /// Every probe goes so.
    pub(crate) fn probe_always(&self, step: Step) {
        self.state().probe = Some(step);
    }

    /// Refetches and probes fail, or no longer do.
    pub(crate) fn set_upstream_down(&self, down: bool) {
        self.state().down = down;
    }

    /// A probe that is answered shows nothing more than that.
    pub(crate) fn know_no_record(&self) {
        self.state().no_known_record = true;
    }

    pub(crate) fn fetches(&self) -> Vec<Fetch> {
        self.state().fetches.clone()
    }

    pub(crate) fn fetches_of(&self, subject: &str) -> usize {
        self.state().fetches.iter().filter(|fetch| fetch.subject == subject).count()
    }

    pub(crate) fn cancelled(&self) -> Vec<String> {
        self.state().cancelled.clone()
    }

    pub(crate) fn applies(&self) -> Vec<Vec<String>> {
        self.state().applies.clone()
    }

    /// When each batch was begun.
    pub(crate) fn applied_at(&self) -> Vec<Instant> {
        self.state().applied_at.clone()
    }

    pub(crate) fn prepares(&self) -> usize {
        self.state().prepares
    }

    pub(crate) fn probes(&self) -> Vec<Instant> {
        self.state().probes.clone()
    }

    fn begin_fetch(&self, subject: &str) -> (Step, Guard) {
        let mut state = self.state();
        state.running += 1;
        let running = state.running;
        state.fetches.push(Fetch { subject: subject.to_owned(), at: Instant::now(), running });
        let next = state.next_fetches.get_mut(subject).and_then(VecDeque::pop_front);
        let step = next.or_else(|| state.every_fetch.get(subject).cloned()).unwrap_or(Step::well());
        let step = if state.down { Step::failing(upstream()) } else { step };
        (step, Guard { script: self.clone(), subject: subject.to_owned(), ended: false })
    }

    fn begin_apply(&self, subjects: Vec<String>) -> Step {
        let mut state = self.state();
        let always = subjects.iter().find_map(|subject| state.every_apply.get(subject).cloned());
        state.applies.push(subjects);
        state.applied_at.push(Instant::now());
        always.or_else(|| state.next_applies.pop_front()).unwrap_or(Step::well())
    }
}

const BEFORE_SUBJECTS: &str = r#"{"id":"00000000-0000-0000-0000-000000000000","source":"provider","detail-type":"changed","time":"2026-11-23T10:00:00Z","detail":""#;
const AFTER_SUBJECTS: &str = "\"}";

/// The body of an event that names these subjects.
pub(crate) fn event(text: &str) -> String {
    format!("{BEFORE_SUBJECTS}{text}{AFTER_SUBJECTS}")
}

/// The subjects that a message's event names, separated by spaces.
pub(crate) fn subjects(message: &MessageView) -> &str {
    message.body.strip_prefix(BEFORE_SUBJECTS).and_then(|rest| rest.strip_suffix(AFTER_SUBJECTS)).unwrap()
}

/// Sees that a refetch was dropped in the middle.
struct Guard {
    script: Script,
    subject: String,
    ended: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut state = self.script.state();
        state.running -= 1;
        if !self.ended {
            state.cancelled.push(self.subject.clone());
        }
    }
}

impl Handler for Script {
    const NAME: &'static str = "scripted";
    type Subject = String;
    type Ticket = ();
    type Fetched = Outcome;

    fn upstream(&self) -> &str {
        "provider"
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<String>, Refusal> {
        let text = envelope.detail.get().trim_matches('"');
        assert_ne!(text, "?", "as scripted");
        if text == "!" {
            return Err(Refusal::unreadable("as scripted"));
        }
        let demand = |subject: &str| Demand { subject: subject.to_owned(), not_before: None, removed: false };
        let demands = text.split(' ').filter(|subject| *subject != "-").map(demand).collect();
        let cause = Cause { event_id: Uuid::nil(), hop: Hop::OUTSIDE, trace: TraceContext::start() };
        Ok(Reading { cause, demands })
    }

    async fn prepare(&self, subjects: &[String]) -> Result<Vec<()>, Failure> {
        let step = {
            let mut state = self.state();
            state.prepares += 1;
            state.prepare.clone().unwrap_or(Step::well())
        };
        let fewer = usize::from(matches!(step.ends, End::Miscounted));
        step.go().await.map(|_| vec![(); subjects.len() - fewer])
    }

    async fn fetch(&self, refetch: &Refetch<String>, (): ()) -> Result<Outcome, Failure> {
        let (step, mut guard) = self.begin_fetch(&refetch.subject);
        let result = step.go().await;
        guard.ended = true;
        result
    }

    fn went_through(&self, _: &Outcome) -> bool {
        true
    }

    async fn apply(&self, batch: &[(Refetch<String>, Outcome)]) -> Result<Vec<Outcome>, Failure> {
        let step = self.begin_apply(batch.iter().map(|(refetch, _)| refetch.subject.clone()).collect());
        let fewer = usize::from(matches!(step.ends, End::Miscounted));
        step.go().await?;
        Ok(batch.iter().skip(fewer).map(|(_, outcome)| *outcome).collect())
    }

    async fn probe(&self) -> Result<Probed, Failure> {
        let probed = if self.state().no_known_record { Probed::Answers } else { Probed::SameWay };
        let step = {
            let mut state = self.state();
            state.probes.push(Instant::now());
            let answer = if state.down { Step::failing(upstream()) } else { Step::well() };
            state.probe.clone().unwrap_or(answer)
        };
        step.go().await.map(|_| probed)
    }
}
