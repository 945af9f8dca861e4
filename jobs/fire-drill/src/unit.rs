//! What is drilled: the branches of the file of sources, where the events of each enter, and the names of its queues, rules and
//! alarms, as `crates/topology` gives them.

use std::sync::LazyLock;

use config::{CONFIG, Config};
use event_bus::BusEntry;
use event_contract::{DRILL_SOURCE, Detail};
use settings::Reader;
use topology::{Branch, branches};

/// Those of the file that the process was started with. None if it has none: [`Clients`](crate::clients::Clients) refuses to start.
static ALL: LazyLock<Vec<Unit>> = LazyLock::new(|| {
    let config = Reader::from_environment().read(CONFIG);
    config.map_or_else(|_| Vec::new(), |config| Unit::of(&config))
});

/// A branch, or the queue of undelivered events: something with a DLQ, and where its events enter. The process has one file of
/// sources for its whole life, so its names are never freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) door: Door,
}

/// Where we can send an event to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// By a rule on the bus, named after the branch and `rule`, that matches events of `source`. Real events use the same rule,
    /// unless the branch has only rules for partners' events, which only the partner may send.
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
    Bus { source: &'static str, rule: &'static str },
    /// Directly to its queue, as the job that feeds it does. A scheduled job drains the queue.
    Queue,
    /// Directly to the DLQ: real messages come there only when EventBridge cannot deliver.
    Dlq,
}

impl Unit {
    /// All of them, and the undelivered events.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ALL.iter().copied()
    }

    fn of(config: &Config) -> Vec<Self> {
        let drilled = |branch: Branch| Self {
            name: branch.name().leak(),
            door: match branch.entrance() {
                Some(entrance) => Door::Bus { source: entrance.source.leak(), rule: entrance.rule },
                None => Door::Queue,
            },
        };
        let branches = branches(config).into_iter().map(drilled);
        branches.chain([Self { name: UNDELIVERED, door: Door::Dlq }]).collect()
    }

    /// The one with this name.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        Self::among(&ALL, name)
    }

    fn among(all: &[Self], name: &str) -> Result<Self, String> {
        all.iter().copied().find(|unit| unit.name == name).ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|unit| unit.name).collect();
            match known.as_slice() {
                [] => String::from("COPPICE_CONFIG, with the sources, is missing or cannot be read"),
                _ => format!("no such branch; the branches are {}", known.join(", ")),
            }
        })
    }

    /// Whether a worker always runs. Then heartbeats arrive, and a drill ends while the command waits.
    pub(crate) const fn has_worker(self) -> bool {
        matches!(self.door, Door::Bus { .. })
    }

    pub(crate) const fn source(self) -> &'static str {
        match self.door {
            Door::Bus { source, .. } => source,
            Door::Queue | Door::Dlq => DRILL_SOURCE,
        }
    }

    /// An event that enters by its door.
    pub(crate) fn entry(self, detail_type: &str, detail: &impl Detail) -> Option<BusEntry> {
        // `None` cannot happen: a struct of a word and an ID is a small JSON object.
        BusEntry::provider(self.source(), detail_type, detail).ok()
    }

    /// The rule that matches events sent to it.
    pub(crate) fn rule(self, prefix: &str) -> Option<String> {
        match self.door {
            Door::Bus { rule, .. } => Some(format!("{prefix}-{}-{rule}", self.name)),
            Door::Queue | Door::Dlq => None,
        }
    }

    /// Its queue. `undelivered` has none: no unit works on its messages.
    pub(crate) fn queue(self, prefix: &str) -> Option<String> {
        (self.door != Door::Dlq).then(|| format!("{prefix}-{}", self.name))
    }

    pub(crate) fn dlq(self, prefix: &str) -> String {
        match self.door {
            Door::Dlq => undelivered(prefix),
            Door::Bus { .. } | Door::Queue => format!("{prefix}-{}-dlq", self.name),
        }
    }

    pub(crate) fn alarm(self, prefix: &str) -> String {
        format!("{}-depth", self.dlq(prefix))
    }
}

const UNDELIVERED: &str = "undelivered";

/// The queue of events that EventBridge cannot deliver.
pub(crate) fn undelivered(prefix: &str) -> String {
    format!("{prefix}-{UNDELIVERED}")
}

/// The queue that subscribes to the alarms' topic.
pub(crate) fn notices(prefix: &str) -> String {
    format!("{prefix}-drill-notices")
}

pub(crate) fn topic(prefix: &str) -> String {
    format!("{prefix}-alarms")
}

/// Start of the names of the rules that forward partners' events to the bus.
pub(crate) fn forwarding_rules(prefix: &str) -> String {
    format!("{prefix}-forward-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use topology::Model;

    use super::*;

    const EXAMPLE: &str = include_str!("../../../deploy/cloudformation/coppice.toml");

    fn example() -> Config {
        Config::parse(EXAMPLE).unwrap()
    }

    #[test]
    fn every_name_is_in_the_topology() {
        let model = Model::of(&example()).unwrap();
        let named = |name: &str| name.strip_prefix("p-").unwrap().to_owned();
        let queues: BTreeSet<String> = model.queues.iter().map(|queue| queue.name.clone()).collect();
        let rules: BTreeSet<String> = model.rules.iter().map(|rule| rule.name.clone()).collect();
        let alarms: BTreeSet<String> = model.alarms.iter().map(|alarm| alarm.name.clone()).collect();
        for unit in Unit::of(&example()) {
            assert!(unit.door == Door::Dlq || queues.contains(&named(&unit.dlq("p"))), "{unit:?}");
            assert!(unit.queue("p").is_none_or(|queue| queues.contains(&named(&queue))), "{unit:?}");
            assert!(unit.rule("p").is_none_or(|rule| rules.contains(&named(&rule))), "{unit:?}");
            assert!(alarms.contains(&named(&unit.alarm("p"))), "{unit:?}");
        }
        let forwards = named(&forwarding_rules("p"));
        assert!(model.forwards.iter().all(|forward| forward.rule.starts_with(&forwards)));
        let template = topology::render(&example()).unwrap().to_string();
        for name in [undelivered("${Prefix}"), notices("${Prefix}"), topic("${Prefix}")] {
            assert!(template.contains(&format!("{{\"Fn::Sub\":\"{name}\"}}")), "{name}");
        }
    }

    #[test]
    fn every_dlq_of_the_topology_is_drilled() {
        let model = Model::of(&example()).unwrap();
        let dlqs = model.queues.iter().map(|queue| format!("p-{}", queue.name));
        let dlqs = dlqs.filter(|queue| queue.ends_with("-dlq")).chain([undelivered("p")]);
        let drilled: BTreeSet<String> = Unit::of(&example()).into_iter().map(|unit| unit.dlq("p")).collect();
        assert_eq!(dlqs.collect::<BTreeSet<_>>(), drilled);
    }

    #[test]
    fn an_unknown_branch_is_refused_with_the_known_ones() {
        let all = Unit::of(&example());
        assert!(Unit::among(&all, "sso-sync").unwrap_err().contains("sso-sync-auth0"));
        assert_eq!(Unit::among(&all, "sso-sync-auth0").unwrap().name, "sso-sync-auth0");
        assert!(Unit::among(&[], "sso-sync").unwrap_err().contains("COPPICE_CONFIG"));
        assert!(!Unit::among(&all, "sso-resync-okta").unwrap().has_worker());
    }
}
