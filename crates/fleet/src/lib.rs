//! The table of units: the only list of the units, with what each needs. `cargo xtask generate` makes the chart's `units.yaml`
//! from it; the tests and the image build the units that it lists. A test compares it with the folders, the template's queues,
//! the roles, the dashboards and the README's table. This crate must not know AWS, a provider or a table of the database.

use event_contract::DRILL_SOURCE;

/// One binary of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its folder, package, binary, queue stem, IAM role, service account and metric label.
    pub name: &'static str,
    /// How it runs.
    pub kind: Kind,
    /// The queue that it works on.
    pub queue: Queue,
    /// Where synthetic events (heartbeats and fire drills) enter, on their way to its queue. `None` if it has no queue of its own.
    pub door: Option<Door>,
    /// The roles of the providers whose settings it reads.
    pub providers: &'static [Role],
    /// Whether it starts without those settings. It then leaves out the work that needs the provider.
    pub providers_optional: bool,
    /// The jobs that fill its queue.
    pub fed_by: &'static [&'static str],
    /// The other settings that it reads.
    pub needs: &'static [Need],
}

/// How a unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Runs until it is stopped, and receives from its queue.
    Worker,
    /// Runs until it is stopped, and answers HTTP requests.
    Server,
    /// A `CronJob` runs it to its end.
    Job,
    /// Helm runs it to its end before each release.
    Hook,
}

/// The queue that a unit works on.
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

/// Where synthetic events enter. From there they take the route of real events.
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
    /// Directly in its queue, where the job that feeds it sends too.
    Queue,
}

/// What a provider is for.
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

/// A setting that a unit reads.
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

/// How the SQL roles in `migrations/grants.sql` begin. A deployment may choose another prefix.
pub const ROLE_PREFIX: &str = "coppice_";

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
pub fn unit(name: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.name == name)
}

/// The units with an SQL role of their own: all but the one that owns the schema.
pub fn with_sql_role() -> impl Iterator<Item = &'static Unit> {
    UNITS.iter().filter(|unit| unit.kind != Kind::Hook)
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
    /// Whether it answers on the health port and drains after SIGTERM. Units with the consumer loop and the server do.
    pub fn serves_health(&self) -> bool {
        self.queue == Queue::Own || self.kind == Kind::Server
    }

    /// The SQL role with only the rights that it needs (`migrations/grants.sql`). `prefix`: [`ROLE_PREFIX`], unless several
    /// deployments share a server.
    pub fn sql_role(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.name.replace('-', "_"))
    }

    /// Whether it reads this setting.
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }
}

impl Role {
    /// The word in settings and in the chart.
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
    fn no_two_units_have_one_name() {
        assert_eq!(names().collect::<BTreeSet<_>>().len(), UNITS.len());
    }

    #[test]
    fn a_unit_has_a_door_if_it_has_a_queue_of_its_own() {
        for unit in UNITS {
            assert_eq!(unit.door.is_some(), unit.queue == Queue::Own, "{}", unit.name);
        }
    }

    #[test]
    fn a_unit_that_feeds_a_queue_is_listed_as_filling_queues() {
        for unit in UNITS {
            for feeder in unit.fed_by {
                let queue = super::unit(feeder).map(|feeder| feeder.queue);
                assert!(matches!(queue, Some(Queue::Filled | Queue::Audited)), "{}: {feeder}", unit.name);
            }
        }
    }
}
