//! The convergence property: **when the fleet is idle, the database and every CRM that is pushed to equal what the sources and the
//! newest policy say**, whatever events were duplicated, reordered, delayed or lost, and whatever requests failed.
//!
//! Each seed generates the life of a few persons (`history`): create, change, block, delete, restore, merge, verify, redact, an
//! address that moves to another person, and an ID that is used again. Fifty lives share a forest (`forest`): two to eight sources
//! with random roles and connectors, out of all that there are, and a `coppice.toml` with a random policy. Another policy is applied
//! while the lives go on.
//!
//! The events reach the real handlers in the real consumer loop (`fleet`), with two pods for each branch. The network delays,
//! loses and fails requests. The bus (`bus`) duplicates, reorders and loses events, and delivers the lost ones at the end, as a
//! resync does. Some records are bad for good, and meanwhile permissions are lost, records are hidden, and the database is
//! read-only, silent, or fails over to a standby (`malfunctions`). When the fleet is idle, the test compares everything (`oracle`). At last it repeats all events: that must
//! cause no write and no announcement. The bad records are dead-lettered, and nothing else is.
//!
//! ```sh
//! cargo nextest run -p convergence                          # 200 seeds in 4 forests, different ones in each run
//! CONVERGENCE_SEED=17 cargo nextest run -p convergence      # this one alone, in its forest
//! CONVERGENCE_FOREST=3 cargo nextest run -p convergence     # all lives of this forest
//! CONVERGENCE_SEEDS=1000 cargo nextest run -p convergence   # more of them, in 20 forests
//! ```
//!
//! The clock and the scheduler are real. So a seed fixes the forest, the changes at the sources and the faults of the network, but not
//! every interleaving. If a failure does not recur at once, it recurs within a few runs of its forest. One order of reads once
//! lost a change. A separate test makes these reads step by step, so that it does not depend on chance (`within_a_second`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bus;
mod fleet;
mod forest;
mod history;
mod malfunctions;
mod oracle;
mod providers;
mod rest;
mod within_a_second;

use std::collections::BTreeMap;

use fleet::Fleet;
use forest::Forest;
use futures::future::{Either, select};
use futures::stream::{self, StreamExt as _};
use history::History;

/// Seeds in each run, besides [`REGRESSIONS`].
const SEEDS: u64 = 200;

/// Lives that share a forest: those with the same quotient of their seed by this number.
const IN_A_FOREST: u64 = 50;

/// Forests of one test that live at the same time. Each has a database server of its own.
const AT_ONCE: usize = 2;

/// A seed is a part of IDs, of which Salesforce's have ten digits.
const LARGEST_FOREST: u32 = 1_800_000;

/// Forests that once failed. Every run includes them, each with all its lives: a bad record is dead-lettered only if another one of its
/// source can be read. A change of what a forest draws, as by a connector more, gives every number another forest: empty the list then. What
/// the fault was has a test of its own in its crate.
const REGRESSIONS: &[u64] = &[];

#[expect(clippy::disallowed_methods, reason = "the command line of a test is its environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Every difference of the lives with these seeds in their forest, and the forest's file if there is one.
async fn seeds_converge(forest: u64, seeds: &[u64]) -> Vec<String> {
    let fleet = Fleet::start(Forest::draw(forest)).await;
    let mut histories: Vec<History> =
        seeds.iter().map(|seed| History::new(*seed, &fleet.forest, &fleet.providers)).collect();
    let compared = std::pin::pin!(differences(&fleet, &mut histories));
    let carrying = std::pin::pin!(fleet.carry_events_of_crms());
    let mut different = match select(compared, carrying).await {
        Either::Left((different, _)) => different,
        Either::Right((never, _)) => never,
    };
    if !different.is_empty() {
        different.push(format!("in forest {forest}:\n{}", fleet.files()));
    }
    println!("forest {forest}: {} lives, {} differences", seeds.len(), different.len().saturating_sub(1));
    different
}

async fn differences(fleet: &Fleet, histories: &mut [History]) -> Vec<String> {
    fleet.live(histories).await;
    fleet.quiet().await;
    fleet.resync(histories).await;
    let mut different = Vec::new();
    for history in &*histories {
        different.extend(oracle::differences(fleet, history).await);
    }
    let bad: Vec<_> = histories.iter().filter_map(History::bad_record).collect();
    different.extend(oracle::leftovers(fleet, &bad).await);
    if different.is_empty() {
        different = fleet.newcomer().await;
    }
    if different.is_empty() {
        let (writes, announcements) = fleet.repeat_everything().await;
        if (writes, announcements) != (0, 0) {
            different
                .push(format!("repeated events caused {writes} writes and {announcements} announcements"));
        }
    }
    different
}

/// The seeds of this run by forest: those of `CONVERGENCE_SEED` or `CONVERGENCE_FOREST`, or others in each run, which it prints.
fn forests(half: u64) -> BTreeMap<u64, Vec<u64>> {
    let of = |forest: u64| forest * IN_A_FOREST..(forest + 1) * IN_A_FOREST;
    let seeds: Vec<u64> = match (number("CONVERGENCE_SEED"), number("CONVERGENCE_FOREST")) {
        (Some(seed), _) => vec![seed],
        (None, Some(forest)) => of(forest).collect(),
        (None, None) => {
            let first = of(u64::from(rand::random::<u32>() % LARGEST_FOREST)).start;
            let all = first..first + number("CONVERGENCE_SEEDS").unwrap_or(SEEDS);
            let again = REGRESSIONS.iter().flat_map(|forest| of(*forest));
            again.chain(all).collect()
        }
    };
    let mut forests: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    seeds.into_iter().for_each(|seed| forests.entry(seed / IN_A_FOREST).or_default().push(seed));
    forests.retain(|forest, _| forest % 2 == half);
    println!("forests and seeds: {forests:?}");
    forests
}

async fn forests_converge(half: u64) {
    let lives = stream::iter(forests(half)).map(async |(forest, seeds)| seeds_converge(forest, &seeds).await);
    let different: Vec<Vec<String>> = lives.buffer_unordered(AT_ONCE).collect().await;
    let different = different.concat();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_and_the_crms_converge_in_even_forests() {
    forests_converge(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_and_the_crms_converge_in_odd_forests() {
    forests_converge(1).await;
}
