//! The chart as Helm renders it: what is there, what is absent, what overrides what, and what is refused.
//!
//! In: `deploy/helm/coppice`, and the programs that `cargo xtask tools` fetches. No cluster is asked. What a cluster
//! would refuse is looked for by the schemas of its versions (`manifests.rs`) and by policies (`policies.rs`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod chart;
mod jobs;
mod manifests;
mod monitoring;
mod network;
mod policies;
mod settings;
mod used;
mod validations;
mod workers;
