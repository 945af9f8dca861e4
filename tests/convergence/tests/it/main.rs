//! The convergence property: **when the fleet is idle, the database and the CRM equal what the providers and the policy
//! say**, whatever events were duplicated, reordered, delayed or lost, and whatever requests failed.
//!
//! Each seed generates the life of a few persons at three providers (`history`): create, change, block, delete, restore,
//! merge, verify, redact, an address that moves to another person, and an ID that is used again. Even seeds use Auth0, Salesforce and Stripe, odd seeds
//! Okta, Salesforce and Persona (`providers`).
//!
//! The events reach the real handlers in the real consumer loop (`fleet`), with two pods for each queue. The network delays,
//! loses and fails requests. The bus (`bus`) duplicates, reorders and loses events, and delivers the lost ones at the end, as a
//! resync does. Some records are bad for good, and meanwhile permissions are lost, records are hidden, and the database is
//! read-only, silent, or fails over to a standby (`malfunctions`). When the fleet is idle, the test compares everything (`oracle`). At last it repeats all events: that must
//! cause no write and no announcement. The bad records are dead-lettered, and nothing else is.
//!
//! ```sh
//! cargo nextest run -p convergence                          # 200 seeds, different ones in each run
//! CONVERGENCE_SEED=17 cargo nextest run -p convergence      # this one alone
//! CONVERGENCE_SEEDS=20000 cargo nextest run -p convergence  # more of them
//! ```
//!
//! The clock and the scheduler are real. So a seed fixes the changes at the providers and the faults of the network, but not
//! every interleaving. If a failure does not recur at once, it recurs within a few runs of its seed. One order of reads once
//! lost a change. A separate test makes these reads step by step, so that it does not depend on chance (`within_a_second`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bus;
mod fleet;
mod history;
mod malfunctions;
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

/// Seeds that once failed. Every run includes them. Add a seed here when it fails.
const REGRESSIONS: &[u64] = &[57, 197];

/// Lives that run at the same time.
const AT_ONCE: u64 = 170;

/// What is pushed to the CRM, beside the built-in rules.
const PUSH: &str = r#"push.salesforce.fields = ["email", "phone", "given_name", "family_name", "birthdate"]"#;
/// Addresses of the CRM count as verified.
const TRUSTING: &str = r#"linking.trusted_email_from = ["salesforce"]"#;

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!("{PUSH}\n{rules}"), &["salesforce"]).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the command line of a test is its environment")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

async fn seeds_converge(seeds: Vec<u64>, vendors: Vendors, policy: Policy) {
    let fleet = Fleet::start(seeds[0], vendors, policy).await;
    let (mut different, mut bad) = (Vec::new(), Vec::new());
    for together in seeds.chunks(AT_ONCE as usize) {
        let mut histories: Vec<History> = together.iter().map(|seed| History::new(*seed, vendors)).collect();
        fleet.live(&mut histories).await;
        fleet.quiet().await;
        fleet.resync(&histories).await;
        bad.extend(histories.iter().filter_map(History::bad_record));
        for history in &histories {
            different.extend(oracle::differences(&fleet, history).await);
        }
        assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
    }
    different.extend(oracle::leftovers(&fleet, &bad).await);
    let (writes, announcements) = fleet.repeat_everything().await;
    if (writes, announcements) != (0, 0) {
        different.push(format!("repeated events caused {writes} writes and {announcements} announcements"));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The even or the odd seeds of this run, or the seed of `CONVERGENCE_SEED`. Each run has different seeds and prints them.
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
async fn the_database_and_the_crm_converge_for_auth0_and_stripe() {
    seeds_converge(seeds(0), Vendors::Auth0AndStripe, policy("")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_and_the_crm_converge_for_okta_and_persona_with_trusted_crm_addresses() {
    seeds_converge(seeds(1), Vendors::OktaAndPersona, policy(TRUSTING)).await;
}
