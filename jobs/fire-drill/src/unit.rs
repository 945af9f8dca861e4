//! The units that are drilled, where the front door of each is, and what everything of theirs is called.
//!
//! Names are those of `deploy/cloudformation/coppice.yaml`; a test compares the two.

use event_contract::DRILL_SOURCE;

/// A queue with dead letters, and the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    /// The unit's name: folder, binary and queue stem.
    pub(crate) name: &'static str,
    pub(crate) door: Door,
}

/// Where a unit's events come in that we can send, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// By a rule on the bus, named after the unit and `rule`, that takes events of `source`: one that real events take, too,
    /// unless the unit has rules for partners' events only, which nobody else may send.
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
    Bus { source: &'static str, rule: &'static str },
    /// Right into its queue, as the job that feeds it does. Drained at times, by a scheduled job.
    Queue,
    /// Right into the dead letters: what brings anything there is a failure of EventBridge's own.
    DeadLetters,
}

impl Unit {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self { name: "sso-sync", door: Door::Bus { source: "coppice.ingress.scim", rule: "ingress" } },
        Self { name: "app-login", door: Door::Bus { source: DRILL_SOURCE, rule: "drill" } },
        Self { name: "crm-sync", door: Door::Bus { source: DRILL_SOURCE, rule: "drill" } },
        Self {
            name: "identity-verification",
            door: Door::Bus { source: "coppice.ingress.stripe", rule: "ingress" },
        },
        Self { name: "crm-account", door: Door::Bus { source: DRILL_SOURCE, rule: "internal" } },
        Self { name: "sso-resync", door: Door::Queue },
        Self { name: "crm-resync", door: Door::Queue },
        Self { name: UNDELIVERED, door: Door::DeadLetters },
    ];

    /// Whether a worker runs at all times: then heartbeats arrive, and a drill comes to its end while somebody waits.
    pub(crate) const fn has_worker(self) -> bool {
        matches!(self.door, Door::Bus { .. })
    }

    /// `source` of what is sent to it.
    pub(crate) const fn source(self) -> &'static str {
        match self.door {
            Door::Bus { source, .. } => source,
            Door::Queue | Door::DeadLetters => DRILL_SOURCE,
        }
    }

    /// The rule that takes what is sent to it.
    pub(crate) fn rule(self, prefix: &str) -> Option<String> {
        match self.door {
            Door::Bus { rule, .. } => Some(format!("{prefix}-{}-{rule}", self.name)),
            Door::Queue | Door::DeadLetters => None,
        }
    }

    /// Its queue. The undelivered events have none: nobody works on them.
    pub(crate) fn queue(self, prefix: &str) -> Option<String> {
        (self.door != Door::DeadLetters).then(|| format!("{prefix}-{}", self.name))
    }

    /// Its dead letters.
    pub(crate) fn dead_letters(self, prefix: &str) -> String {
        match self.door {
            Door::DeadLetters => undelivered(prefix),
            Door::Bus { .. } | Door::Queue => format!("{prefix}-{}-dlq", self.name),
        }
    }

    /// The alarm on the depth of its dead letters.
    pub(crate) fn alarm(self, prefix: &str) -> String {
        format!("{}-depth", self.dead_letters(prefix))
    }
}

const UNDELIVERED: &str = "undelivered";

/// Where EventBridge puts what it cannot deliver.
pub(crate) fn undelivered(prefix: &str) -> String {
    format!("{prefix}-{UNDELIVERED}")
}

/// What the alarms' topic told lately.
pub(crate) fn notices(prefix: &str) -> String {
    format!("{prefix}-drill-notices")
}

/// The alarms' topic.
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
    fn everything_that_is_looked_up_by_name_stands_in_the_template() {
        let (queues, rules, alarms) = (named("QueueName"), named("Name"), named("AlarmName"));
        for unit in Unit::ALL {
            assert!(queues.contains(&unit.dead_letters(PREFIX)), "{unit:?}");
            assert!(unit.queue(PREFIX).is_none_or(|queue| queues.contains(&queue)), "{unit:?}");
            assert!(unit.rule(PREFIX).is_none_or(|rule| rules.contains(&rule)), "{unit:?}");
            assert!(alarms.contains(&unit.alarm(PREFIX)), "{unit:?}");
        }
        assert!(queues.contains(&undelivered(PREFIX)) && queues.contains(&notices(PREFIX)));
        assert!(named("TopicName").contains(&topic(PREFIX)));
        assert!(rules.iter().any(|rule| rule.starts_with(&forwarding_rules(PREFIX))));
    }

    #[test]
    fn no_queue_of_dead_letters_is_left_out() {
        let queues = named("QueueName");
        let dead = queues.iter().filter(|queue| queue.ends_with("-dlq") || **queue == undelivered(PREFIX));
        let drilled: BTreeSet<String> = Unit::ALL.iter().map(|unit| unit.dead_letters(PREFIX)).collect();
        assert_eq!(dead.cloned().collect::<BTreeSet<_>>(), drilled);
    }
}
