//! The units that are drilled: where the events of each enter, and the names of its queues, rules and alarms, as in
//! `deploy/cloudformation/coppice.yaml`; a test compares the two. Pure.

use event_bus::BusEntry;
use event_contract::{DRILL_SOURCE, Detail};

/// A unit with a DLQ, and where its events enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    pub(crate) door: Door,
}

/// Where we can send an event to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// By a rule on the bus, named after the unit and `rule`, that matches events of `source`. Real events use the same rule,
    /// unless the unit has only rules for partners' events, which only the partner may send.
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
    Bus { source: &'static str, rule: &'static str },
    /// Directly to its queue, as the job that feeds it does. A scheduled job drains the queue.
    Queue,
    /// Directly to the DLQ: real messages come there only when EventBridge cannot deliver.
    Dlq,
}

impl Unit {
    /// All of them: every unit with a queue, by the table of units, and the undelivered events.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let drilled = fleet::with_queue().filter_map(|unit| {
            let door = match unit.door? {
                fleet::Door::Bus { source, rule } => Door::Bus { source, rule },
                fleet::Door::Queue => Door::Queue,
            };
            Some(Self { name: unit.name, door })
        });
        drilled.chain([Self { name: UNDELIVERED, door: Door::Dlq }])
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

    use super::*;

    const PREFIX: &str = "${Prefix}";

    /// Names of one kind in the template.
    fn named(key: &str) -> BTreeSet<String> {
        let template = include_str!("../../../deploy/cloudformation/coppice.yaml");
        let name = |line: &str| line.trim().strip_prefix(&format!("{key}: !Sub ")).map(str::to_owned);
        template.lines().filter_map(name).collect()
    }

    #[test]
    fn every_name_is_in_the_template() {
        let (queues, rules, alarms) = (named("QueueName"), named("Name"), named("AlarmName"));
        for unit in Unit::all() {
            assert!(queues.contains(&unit.dlq(PREFIX)), "{unit:?}");
            assert!(unit.queue(PREFIX).is_none_or(|queue| queues.contains(&queue)), "{unit:?}");
            assert!(unit.rule(PREFIX).is_none_or(|rule| rules.contains(&rule)), "{unit:?}");
            assert!(alarms.contains(&unit.alarm(PREFIX)), "{unit:?}");
        }
        assert!(queues.contains(&undelivered(PREFIX)) && queues.contains(&notices(PREFIX)));
        assert!(named("TopicName").contains(&topic(PREFIX)));
        assert!(rules.iter().any(|rule| rule.starts_with(&forwarding_rules(PREFIX))));
    }

    #[test]
    fn every_dlq_of_the_template_is_drilled() {
        let queues = named("QueueName");
        let dlqs = queues.iter().filter(|queue| queue.ends_with("-dlq") || **queue == undelivered(PREFIX));
        let drilled: BTreeSet<String> = Unit::all().map(|unit| unit.dlq(PREFIX)).collect();
        assert_eq!(dlqs.cloned().collect::<BTreeSet<_>>(), drilled);
    }
}
