//! The recorded sample events of `deploy/cloudformation/sample-events`, compiled in. A test sends the same events through the
//! template's rules; `patterns` tries them on the deployed rules.

use serde::Deserialize;
use serde_json::Value;

const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sample_events.rs"));

/// An event as its provider sends it, and the queues that it must reach.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// The file's name, without its extension.
    pub(crate) name: &'static str,
    /// By unit. Empty for an event that no unit takes.
    pub(crate) queues: Vec<String>,
    /// The whole event, with invented values.
    pub(crate) event: Value,
}

#[derive(Deserialize)]
struct File {
    queues: Vec<String>,
    event: Value,
}

pub(crate) fn all() -> Vec<Sample> {
    let read = |(name, text): &(&'static str, &str)| {
        // A test parses every file, so none is left out here.
        let File { queues, event } = serde_json::from_str(text).ok()?;
        Some(Sample { name, queues, event })
    };
    FILES.iter().filter_map(read).collect()
}

pub(crate) fn is_fed_by_rules(unit: &str) -> bool {
    all().iter().any(|sample| sample.queues.iter().any(|queue| queue == unit))
}

impl Sample {
    pub(crate) fn source(&self) -> &str {
        self.event["source"].as_str().unwrap_or_default()
    }

    pub(crate) fn is_for(&self, unit: &str) -> bool {
        self.queues.iter().any(|queue| queue == unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_compiled_in_and_parses() {
        assert_eq!(all().len(), FILES.len());
        assert!(all().len() > 20);
        assert!(is_fed_by_rules("sso-sync") && !is_fed_by_rules("sso-resync"));
    }
}
