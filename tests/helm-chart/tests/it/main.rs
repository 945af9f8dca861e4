//! Tests of the chart as Helm renders it: its objects, which values override which, and the values that it refuses.
//!
//! In: `deploy/helm/coppice`, and the programs that `cargo xtask tools` installs. The tests need no cluster. Kubernetes'
//! schemas (`manifests.rs`) and policies (`policies.rs`) find objects that a cluster would refuse.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod absent;
mod alerts;
mod branches;
mod by_hand;
mod chart;
mod jobs;
mod manifests;
mod monitoring;
mod network;
mod platforms;
mod policies;
mod prometheus;
mod settings;
mod used;
mod validations;
mod workers;
