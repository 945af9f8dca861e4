//! The branches: one unit for one source, each with a queue of its own.

use authority::Role;
use config::{Config, SourceConfig};
use event_contract::{DRILL_SOURCE, INGRESS_SOURCE_PREFIX};
use fleet::{Door, Of, Sources, Unit};

use crate::cloudformation::logical_id;

/// End of the name of the rule for events of `webhook-ingress`.
pub(crate) const INGRESS: &str = "ingress";
/// End of the name of the rule for internal events.
pub(crate) const INTERNAL: &str = "internal";
/// End of the name of the rule for heartbeats and fire drills, if no other rule takes them.
pub(crate) const DRILL: &str = "drill";

/// A unit for a source.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The unit.
    pub unit: &'static Unit,
    /// The source.
    pub source: SourceConfig,
}

/// Where a branch's synthetic events enter the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// `source` of the event. An `aws.partner/` source cannot be used: only the partner may send it.
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
    pub source: String,
    /// End of the name of the rule that takes it. Real events use the same rule, unless only partners send those.
    pub rule: &'static str,
}

/// Every branch, in the order of the table of units and then of the sources' names.
pub fn branches(config: &Config) -> Vec<Branch> {
    let of_unit = |unit: &'static Unit| {
        let Sources::Branches(of) = unit.sources else { return Vec::new() };
        let chosen = config.sources().filter(|source| works_on(of, source, config));
        chosen.map(|source| Branch { unit, source: source.clone() }).collect()
    };
    fleet::UNITS.iter().flat_map(of_unit).collect()
}

fn works_on(of: Of, source: &SourceConfig, config: &Config) -> bool {
    match of {
        Of::Role(role) => source.role == role,
        Of::SignIns => source.role == Role::Sso && source.connector.has_sign_ins(),
        Of::Pushes => config.policy().targets().any(|target| target == source.name),
    }
}

impl Branch {
    /// Its name everywhere: queue, rules, role, service account.
    pub fn name(&self) -> String {
        format!("{}-{}", self.unit.name, self.source.name)
    }

    /// The name of its dead-letter queue.
    pub fn dlq(&self) -> String {
        format!("{}-dlq", self.name())
    }

    /// The name of the output with its queue's URL, if `kind` is `QueueUrl`, or its dead-letter queue's, if it is `DlqUrl`.
    pub fn output(&self, kind: &str) -> String {
        logical_id(&self.name(), kind)
    }

    /// Where its synthetic events enter. `None`: directly in its queue.
    pub fn entrance(&self) -> Option<Entrance> {
        if self.unit.door != Some(Door::Bus) {
            return None;
        }
        let drill = |rule| Entrance { source: DRILL_SOURCE.to_owned(), rule };
        Some(match self.unit.sources {
            Sources::Branches(Of::Role(_)) if comes_by_ingress(&self.source) => {
                Entrance { source: ingress_source(&self.source), rule: INGRESS }
            }
            Sources::Branches(Of::Pushes) => drill(INTERNAL),
            _ => drill(DRILL),
        })
    }
}

/// Whether `webhook-ingress` may send events of this source.
pub(crate) fn comes_by_ingress(source: &SourceConfig) -> bool {
    source.connector.webhook.is_some() || source.partner_sources.is_empty()
}

/// `source` of the events that `webhook-ingress` sends.
pub(crate) fn ingress_source(source: &SourceConfig) -> String {
    format!("{INGRESS_SOURCE_PREFIX}{}", source.name)
}
