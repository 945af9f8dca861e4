//! Made-up lives of records at a source, and the refetches that saw parts of them. Seeded: a failure prints its seed.
//!
//! The rule of expectation: **if one refetch began after the source's last change, then, whatever the order in which
//! readings are written and however they are batched, the record ends as the source has it.** That refetch is the last
//! one here; the runtime sees to it, because the last change's event comes after the change.
//!
//! A refetch begins at one moment, when its ticket is drawn, and sees the source at that moment or a later one, so
//! refetches overtake each other. An event led to it, so none begins before the first one; what a reading of something
//! gone says of *when* is the time of an event from before it began. Left out is what the guard leaves out: see
//! [`Clock::Fine`].

use postgres_store::PersonReading;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::database::{gone, naming};

/// What a source's versions are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// No two changes have the same version. Here no refetch is under way while a record comes back after a deletion.
    Fine,
    /// Whole seconds: several changes share a version.
    Coarse,
    /// The source has none.
    Unversioned,
}

/// A record at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    Present { content: String, subjects: Vec<&'static str>, version: Option<i64> },
    Absent,
}

/// One record: what its readings are, and what it is in the end.
pub(crate) struct History {
    pub(crate) external_id: String,
    pub(crate) readings: Vec<PersonReading>,
    pub(crate) end: State,
}

/// All records name some of these, so they name the same ones at times.
const SUBJECTS: [&str; 4] = ["1", "2", "3", "4"];
const MOMENTS: usize = 14;
const MILLISECONDS: i64 = 300;

struct Life {
    states: Vec<State>,
    /// Times of events so far, at each moment.
    events: Vec<Vec<i64>>,
    /// Moments at which the record was gone and came back.
    returns: Vec<usize>,
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Lives and readings of several records, their tickets drawn from one sequence.
pub(crate) fn histories(rng: &mut StdRng, prefix: &str, clock: Clock) -> Vec<History> {
    (0..3)
        .map(|number| {
            let life = life(rng, clock);
            let external_id = format!("{prefix}-{number}");
            let readings = readings(rng, &external_id, clock, &life);
            let end = life.states.last().cloned().unwrap_or(State::Absent);
            History { external_id, readings, end }
        })
        .collect()
}

fn life(rng: &mut StdRng, clock: Clock) -> Life {
    let mut life = Life { states: vec![State::Absent], events: vec![Vec::new()], returns: Vec::new() };
    let mut gone_at = 0;
    // A multiple of the step that is no whole second, so that a fine version is never taken for a coarse one.
    let mut now = 101;
    for moment in 1..MOMENTS {
        now += MILLISECONDS;
        let mut state = life.states[moment - 1].clone();
        let mut events = life.events[moment - 1].clone();
        match (&state, rng.random_range(0..10)) {
            (State::Present { .. }, 0..=1) => {
                state = State::Absent;
                gone_at = now;
                events.push(now);
            }
            (State::Present { .. }, 2..=6) | (State::Absent, 0..=4) => {
                if state == State::Absent && moment > 1 {
                    // Not within the second in which it went.
                    now = now.max(gone_at - gone_at.rem_euclid(1000) + 1101);
                    life.returns.push(moment);
                }
                let version = match clock {
                    Clock::Fine => Some(now),
                    Clock::Coarse => Some(now - now.rem_euclid(1000)),
                    Clock::Unversioned => None,
                };
                let subjects = SUBJECTS.into_iter().filter(|_| rng.random_bool(0.4)).collect();
                // Few contents, so that one comes back now and then.
                let content = format!("c{}", rng.random_range(0..4));
                state = State::Present { content, subjects, version };
                events.extend(version);
            }
            _ => {}
        }
        life.states.push(state);
        life.events.push(events);
    }
    life
}

fn readings(rng: &mut StdRng, id: &str, clock: Clock, life: &Life) -> Vec<PersonReading> {
    let last = MOMENTS - 1;
    let first = match clock {
        Clock::Fine | Clock::Coarse => {
            life.events.iter().position(|events| !events.is_empty()).unwrap_or(last)
        }
        Clock::Unversioned => 0,
    };
    let mut begun: Vec<usize> = (0..rng.random_range(2..9)).map(|_| rng.random_range(first..=last)).collect();
    begun.push(last);
    begun.sort_unstable();
    let read = |(begun, ticket): (usize, i64)| {
        let until = match clock {
            Clock::Fine => life.returns.iter().find(|&&back| back > begun).map_or(last, |back| back - 1),
            Clock::Coarse | Clock::Unversioned => last,
        };
        match &life.states[rng.random_range(begun..=until)] {
            State::Present { content, subjects, version } => naming(id, content, subjects, *version, ticket),
            State::Absent => gone(id, life.events[begun].choose(rng).copied(), ticket),
        }
    };
    begun.into_iter().zip(1..).map(read).collect()
}
