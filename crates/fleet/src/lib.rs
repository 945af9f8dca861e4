//! The table of units: the only list of the units, with what each needs. `cargo xtask generate` makes the chart's `units.yaml`
//! from it; `crates/topology` makes the branches; the tests and the image build the units that it lists. A test compares it with
//! the folders, the dashboards and the README's table. This crate must not know AWS, a vendor, a source or a table of the database.

use authority::Role;

/// One binary of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its folder, package, binary, queue stem, IAM role, service account and metric label.
    pub name: &'static str,
    /// How it runs.
    pub kind: Kind,
    /// The queue that it works on.
    pub queue: Queue,
    /// Where synthetic events (heartbeats and fire drills) enter, on their way to its queues. `None` if it has no queue of its own.
    pub door: Option<Door>,
    /// The sources that it works on.
    pub sources: Sources,
    /// Whether it reads the content management system.
    pub content: bool,
    /// The jobs that fill its queues.
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

/// The sources that a unit works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// None.
    None,
    /// All of the file.
    All,
    /// Their webhooks: what proves them, and no credentials.
    Webhooks,
    /// One each: the unit has a branch, with a queue of its own, for each of these.
    Branches(Of),
}

/// The sources that a unit has branches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Those of a role.
    Role(Role),
    /// The identity providers with a log of sign-ins.
    SignIns,
    /// Those that the file pushes values to: the keys of its `[push.*]` tables.
    Pushes,
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
    /// The bus: a rule of the branch takes them. `topology::Branch` knows which.
    Bus,
    /// Directly in its queue, where the job that feeds it sends too.
    Queue,
}

/// A setting that a unit reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The name of the bus.
    Bus,
    /// The file of sources.
    Config,
    /// The filter of log lines.
    Log,
    /// Credentials and region of AWS.
    Aws,
}

use Need::{Aws, Bus, Config, Log};

const LOOP: &[Need] = &[Bus, Config, Log, Aws];

const fn worker(name: &'static str, of: Of) -> Unit {
    Unit {
        name,
        kind: Kind::Worker,
        queue: Queue::Own,
        door: Some(Door::Bus),
        sources: Sources::Branches(of),
        content: false,
        fed_by: &[],
        needs: LOOP,
    }
}

const fn resync(name: &'static str, role: Role) -> Unit {
    Unit {
        kind: Kind::Job,
        door: Some(Door::Queue),
        fed_by: &["resync-enqueuer", "audit"],
        ..worker(name, Of::Role(role))
    }
}

const fn job(name: &'static str, queue: Queue, sources: Sources, needs: &'static [Need]) -> Unit {
    Unit { name, kind: Kind::Job, queue, door: None, sources, content: false, fed_by: &[], needs }
}

/// How the SQL roles in `migrations/grants.sql` begin. A deployment may choose another prefix.
pub const ROLE_PREFIX: &str = "coppice_";

/// Every unit.
pub const UNITS: &[Unit] = &[
    worker("sso-sync", Of::Role(Role::Sso)),
    worker("crm-sync", Of::Role(Role::Crm)),
    Unit { fed_by: &["audit"], ..worker("identity-verification", Of::Role(Role::Identity)) },
    worker("registry-sync", Of::Role(Role::Registry)),
    worker("app-login", Of::SignIns),
    worker("crm-account", Of::Pushes),
    Unit {
        kind: Kind::Server,
        ..job("webhook-ingress", Queue::None, Sources::Webhooks, &[Bus, Config, Log, Aws])
    },
    resync("sso-resync", Role::Sso),
    resync("crm-resync", Role::Crm),
    resync("registry-resync", Role::Registry),
    job("resync-enqueuer", Queue::Filled, Sources::All, &[Config, Log, Aws]),
    Unit { content: true, ..job("content-etl", Queue::None, Sources::None, &[Log]) },
    job("fire-drill", Queue::None, Sources::None, &[Bus, Config, Log, Aws]),
    job("audit", Queue::Audited, Sources::All, &[Config, Log, Aws]),
    job("coppice", Queue::None, Sources::All, &[Bus, Config, Aws]),
    Unit { kind: Kind::Hook, ..job("migrate", Queue::None, Sources::None, &[]) },
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

// For the table of units and the tests' worlds, which do not follow the file of sources yet.
impl Unit {
    /// The roles of the sources whose settings it reads.
    pub fn providers(&self) -> Vec<&'static str> {
        match self.sources {
            Sources::None if self.content => vec!["content"],
            Sources::None | Sources::Webhooks => Vec::new(),
            Sources::All => Role::ALL.iter().map(|role| role.as_str()).collect(),
            Sources::Branches(Of::Role(role)) => vec![role.as_str()],
            Sources::Branches(Of::SignIns) => vec![Role::Sso.as_str()],
            Sources::Branches(Of::Pushes) => vec![Role::Crm.as_str()],
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
            assert_eq!(unit.door.is_some(), matches!(unit.sources, Sources::Branches(_)), "{}", unit.name);
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
