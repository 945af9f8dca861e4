//! `HubSpot`: webhooks in. No client reads its contacts yet, so it is no source, and no unit consumes its events.

mod webhook;

pub use webhook::WEBHOOK;
