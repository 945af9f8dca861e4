//! End-to-end monitoring: fire drills and heartbeats.

mod fire_drill;
mod heartbeat;

pub use fire_drill::{DrillFailure, FireDrill};
pub use heartbeat::UnitHeartbeat;
