//! The convergence property: **after quiescence the database equals what the providers and the policy say, and so does
//! the CRM**, whatever was duplicated, reordered, delayed, lost or failed on the way.
//!
//! Each seed makes a life of a few people at three providers (`history`): created, changed, blocked, deleted, restored,
//! merged, verified, redacted, an address that becomes another person's. Even seeds live at Auth0, Salesforce and Stripe, odd
//! ones at Okta, Salesforce and Persona (`providers`). Their events reach the real handlers in the real consumer loop
//! (`fleet`), two pods to a queue, over a network that delays, loses and fails, and a bus (`bus`) that doubles, reorders and
//! loses; what was lost is found in the end, as by a resync. When nothing moves any more, everything is compared (`oracle`). In the end everything is said once
//! more: nothing may come of it, neither a write nor an announcement.
//!
//! ```sh
//! cargo nextest run -p convergence                          # 200 seeds, different ones in each run
//! CONVERGENCE_SEED=17 cargo nextest run -p convergence      # this one alone
//! CONVERGENCE_SEEDS=20000 cargo nextest run -p convergence  # more of them
//! ```
//!
//! The clock and the scheduler are real, so a seed fixes what happens at the providers and how bad the network is, and
//! not every interleaving: a failure that does not come back at once comes back within a few runs of its seed. An order of
//! readings that was once found to lose something is told step by step, so that it does not depend on chance
//! (`within_a_second`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bus;
mod fleet;
mod history;
mod oracle;
mod providers;
mod rest;
mod within_a_second;

use authority::Policy;
use fleet::Fleet;
use history::History;
use providers::Vendors;

/// Seeds in each run, besides [`REGRESSIONS`].
const SEEDS: u64 = 200;

/// A seed is a part of IDs, of which the CRM's have ten digits.
const LARGEST_SEED: u32 = 90_000_000;

/// Seeds that once ended wrongly, in every run. Add a seed here when it fails.
const REGRESSIONS: &[u64] = &[57, 197];

/// Lives that are lived at the same time.
const AT_ONCE: u64 = 170;

const DEFAULT_POLICY: &str = include_str!("../../../../crates/authority/src/default-policy.toml");

#[expect(clippy::disallowed_methods, reason = "the command line of a test is its environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

async fn seeds_converge(seeds: Vec<u64>, vendors: Vendors, policy: Policy) {
    let fleet = Fleet::start(seeds[0], vendors, policy).await;
    let mut different = Vec::new();
    for together in seeds.chunks(AT_ONCE as usize) {
        let mut histories: Vec<History> = together.iter().map(|seed| History::new(*seed, vendors)).collect();
        fleet.live(&mut histories).await;
        fleet.quiet().await;
        for history in &histories {
            different.extend(oracle::differences(&fleet, history).await);
        }
        assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
    }
    different.extend(oracle::leftovers(&fleet).await);
    let (writes, announcements) = fleet.repeat_everything().await;
    if (writes, announcements) != (0, 0) {
        different
            .push(format!("no rest: {writes} writes, {announcements} announcements of what was said before"));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The seeds of one of two halves, or the one that was asked for. Each run has others, and says which.
fn seeds(half: u64) -> Vec<u64> {
    if let Some(seed) = number("CONVERGENCE_SEED") {
        return vec![seed];
    }
    let (first, count) =
        (u64::from(rand::random::<u32>() % LARGEST_SEED), number("CONVERGENCE_SEEDS").unwrap_or(SEEDS));
    println!("seeds {first} to {}, and {REGRESSIONS:?}", first + count - 1);
    REGRESSIONS.iter().copied().chain(first..first + count).filter(|seed| seed % 2 == half).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_life_ends_as_the_providers_and_the_policy_say() {
    seeds_converge(seeds(0), Vendors::Auth0AndStripe, Policy::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_at_other_vendors_and_when_addresses_of_the_crm_link() {
    let trusting = DEFAULT_POLICY.replace("trusted_email_from = []", "trusted_email_from = [\"crm\"]");
    seeds_converge(seeds(1), Vendors::OktaAndPersona, Policy::parse(&trusting).unwrap()).await;
}
