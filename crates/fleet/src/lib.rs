//! The table of units: the one place that says which units there are, and what each needs.
//!
//! In: nothing. Out: [`UNITS`], and questions about it. Made from it: the chart's `units.yaml` (`cargo xtask chart`), what the
//! tests and the image build, what `coppice doctor` and `fire-drill` know. Checked against it: folders, the template's queues,
//! roles, dashboards, the README's table. Must not know: AWS, a provider, a table of the database.

use event_contract::DRILL_SOURCE;

/// One binary of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its folder, package, binary, queue stem, IAM role, service account and metric label.
    pub name: &'static str,
    /// How it runs.
    pub kind: Kind,
    /// The queue that it has to do with.
    pub queue: Queue,
    /// Where synthetic events reach its queue: heartbeats and fire drills. `None` without a queue of its own.
    pub door: Option<Door>,
    /// The roles of the providers whose settings it reads.
    pub providers: &'static [Role],
    /// Without those settings it does less, instead of not starting.
    pub providers_optional: bool,
    /// The jobs that fill its queue.
    pub fed_by: &'static [&'static str],
    /// What else it has to be told.
    pub needs: &'static [Need],
}

/// How a unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For ever, on its queue.
    Worker,
    /// For ever, called over HTTP.
    Server,
    /// To its end, from a `CronJob`.
    Job,
    /// To its end, before each release, started by Helm.
    Hook,
}

/// The queue that a unit has to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// None.
    None,
    /// Its own, with a dead-letter queue.
    Own,
    /// It fills the queue of the unit that its job names.
    Filled,
    /// It fills the queues of the records that it finds divergent.
    Audited,
}

/// Where synthetic events enter, so that they pass what real events pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The bus: a rule, named after the unit and `rule`, takes events of `source`.
    Bus {
        /// `source` of the event. An `aws.partner/` source cannot be used: only the partner may send it.
        /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>
        source: &'static str,
        /// End of the rule's name.
        rule: &'static str,
    },
    /// Its queue, as the job that feeds it does.
    Queue,
}

/// What a provider is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An identity provider.
    Sso,
    /// A CRM.
    Crm,
    /// An identity-verification provider.
    Identity,
    /// A content management system.
    Content,
}

/// A setting that a unit has to be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The name of the bus.
    Bus,
    /// The policy of authority.
    Policy,
    /// The filter of log lines.
    Log,
    /// Credentials and region of AWS.
    Aws,
}

use Need::{Aws, Bus, Log, Policy};
use Role::{Content, Crm, Identity, Sso};

const LOOP: &[Need] = &[Bus, Policy, Log, Aws];

const fn worker(name: &'static str, providers: &'static [Role], door: Door) -> Unit {
    Unit {
        name,
        kind: Kind::Worker,
        queue: Queue::Own,
        door: Some(door),
        providers,
        providers_optional: false,
        fed_by: &[],
        needs: LOOP,
    }
}

const fn resync(name: &'static str, providers: &'static [Role]) -> Unit {
    Unit { kind: Kind::Job, fed_by: &["resync-enqueuer", "audit"], ..worker(name, providers, Door::Queue) }
}

const fn job(name: &'static str, queue: Queue, providers: &'static [Role], needs: &'static [Need]) -> Unit {
    Unit {
        name,
        kind: Kind::Job,
        queue,
        door: None,
        providers,
        providers_optional: false,
        fed_by: &[],
        needs,
    }
}

const fn optional(unit: Unit) -> Unit {
    Unit { providers_optional: true, ..unit }
}

/// Every unit.
pub const UNITS: &[Unit] = &[
    worker("sso-sync", &[Sso], Door::Bus { source: "coppice.ingress.scim", rule: "ingress" }),
    worker("crm-sync", &[Crm], Door::Bus { source: DRILL_SOURCE, rule: "drill" }),
    worker(
        "identity-verification",
        &[Identity],
        Door::Bus { source: "coppice.ingress.stripe", rule: "ingress" },
    ),
    worker("app-login", &[Sso], Door::Bus { source: DRILL_SOURCE, rule: "drill" }),
    worker("crm-account", &[Crm], Door::Bus { source: DRILL_SOURCE, rule: "internal" }),
    Unit { kind: Kind::Server, ..job("webhook-ingress", Queue::None, &[], &[Bus, Log, Aws]) },
    resync("sso-resync", &[Sso]),
    resync("crm-resync", &[Crm]),
    optional(job("resync-enqueuer", Queue::Filled, &[Sso, Crm], &[Policy, Log, Aws])),
    job("content-etl", Queue::None, &[Content], &[Policy, Log]),
    job("fire-drill", Queue::None, &[], &[Bus, Log, Aws]),
    optional(job("audit", Queue::Audited, &[Sso, Crm, Identity], &[Policy, Log, Aws])),
    optional(job("coppice", Queue::None, &[Sso, Crm, Identity], &[Bus, Policy, Aws])),
    Unit { kind: Kind::Hook, ..job("migrate", Queue::None, &[], &[]) },
];

/// The unit of this name.
#[must_use]
pub fn unit(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.name == name)
}

/// The names of all units of a kind, in the order of the table.
pub fn names_of(kind: Kind) -> impl Iterator<Item = &'static str> {
    UNITS.iter().filter(move |unit| unit.kind == kind).map(|unit| unit.name)
}

/// The names of all units.
pub fn names() -> impl Iterator<Item = &'static str> {
    UNITS.iter().map(|unit| unit.name)
}

/// The units with a queue of their own.
pub fn with_queue() -> impl Iterator<Item = &'static Unit> {
    UNITS.iter().filter(|unit| unit.queue == Queue::Own)
}

impl Unit {
    /// Whether it answers on the health port and drains after SIGTERM: the consumer loop, and the server.
    #[must_use]
    pub fn serves_health(&self) -> bool {
        self.queue == Queue::Own || self.kind == Kind::Server
    }

    /// Whether it has to be told this.
    #[must_use]
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }
}

impl Role {
    /// The word in settings and in the chart.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sso => "sso",
            Self::Crm => "crm",
            Self::Identity => "identity",
            Self::Content => "content",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_stands_once() {
        assert_eq!(names().collect::<BTreeSet<_>>().len(), UNITS.len());
    }

    #[test]
    fn a_unit_has_a_door_if_it_has_a_queue_of_its_own() {
        for unit in UNITS {
            assert_eq!(unit.door.is_some(), unit.queue == Queue::Own, "{}", unit.name);
        }
    }

    #[test]
    fn what_feeds_a_queue_fills_queues() {
        for unit in UNITS {
            for feeder in unit.fed_by {
                let queue = super::unit(feeder).map(|feeder| feeder.queue);
                assert!(matches!(queue, Some(Queue::Filled | Queue::Audited)), "{}: {feeder}", unit.name);
            }
        }
    }
}
