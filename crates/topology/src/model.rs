//! What AWS has to have for a file of sources. Names are without the prefix of the deployment.

use config::Config;
use serde_json::Value;

use crate::branch::{Branch, branches};
use crate::fault::Faults;
use crate::transformer::Transformer;
use crate::{alarms, events, limits, permissions};

/// The queue of events that EventBridge cannot deliver, and of webhooks' events that no unit takes.
pub(crate) const UNDELIVERED: &str = "undelivered";
/// The queue that subscribes to the alarms' topic.
pub(crate) const NOTICES: &str = "drill-notices";

/// The topology of a deployment.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its branches.
    pub branches: Vec<Branch>,
    /// The branches' queues, each followed by its dead-letter queue. The two that every deployment has are not among them.
    pub queues: Vec<Queue>,
    /// The rules of the bus.
    pub rules: Vec<Rule>,
    /// The partner event sources, each with a bus of its name, whose events a rule forwards.
    pub forwards: Vec<Forward>,
    /// The alarms.
    pub alarms: Vec<Alarm>,
    /// The roles.
    pub roles: Vec<Role>,
    /// Most characters of the deployment's prefix, so that no name is too long.
    pub longest_prefix: usize,
}

impl Model {
    /// The topology of the file.
    ///
    /// # Errors
    /// Every fault of the file that stands in the way.
    pub fn of(config: &Config) -> Result<Self, Faults> {
        let branches = branches(config);
        let mut faults = events::check(config);
        let mut model = Self {
            queues: branches.iter().flat_map(queues).collect(),
            rules: events::rules(config, &branches),
            forwards: events::forwards(config),
            alarms: Vec::new(),
            roles: permissions::roles(&branches),
            branches,
            longest_prefix: 0,
        };
        model.alarms = alarms::of(&model);
        match limits::check_names(&model) {
            Ok(longest_prefix) => model.longest_prefix = longest_prefix,
            Err(found) => faults.extend(found),
        }
        Faults::none(faults)?;
        Ok(model)
    }
}

fn queues(branch: &Branch) -> [Queue; 2] {
    let fed_by_rules = branch.unit.door == Some(fleet::Door::Bus);
    let queue = Queue {
        name: branch.name(),
        role: Retention::Source { dlq: branch.dlq() },
        admits: fed_by_rules.then(|| format!("{}-", branch.name())),
    };
    let dlq = Queue { name: branch.dlq(), role: Retention::DeadLetters { of: branch.name() }, admits: None };
    [queue, dlq]
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// What it is for, and so how long it keeps messages.
    pub role: Retention,
    /// How the names of the rules begin that may send to it.
    pub admits: Option<String>,
}

/// How long a queue keeps messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retention {
    /// As the queue of a branch.
    Source {
        /// Its dead-letter queue.
        dlq: String,
    },
    /// As a dead-letter queue. It outlives the stack.
    DeadLetters {
        /// The queue whose messages it gets.
        of: String,
    },
}

/// A rule of the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub about: String,
    /// The events that it takes.
    pub pattern: Value,
    /// The queue that it sends them to.
    pub queue: String,
    /// What it keeps of them. `None`: everything.
    pub transformer: Option<Transformer>,
}

/// A partner event source, the bus of its name, and the rule that forwards its events. A partner source delivers only to a bus of
/// its own name. EventBridge cannot transform an event that goes to another bus: on this one hop the event is whole, but it is
/// not stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Forward {
    /// The source of the file.
    pub source: String,
    /// Which of its partner event sources it is, from 1.
    pub number: usize,
    /// The partner event source.
    pub partner_source: String,
    /// The rule's name. On the bus of each partner source, a source's rule has the same one.
    pub rule: String,
    /// The events that are forwarded.
    pub pattern: Value,
}

impl Forward {
    /// A name of its own: the source's, and from its second partner event source on, with a number.
    pub fn name(&self) -> String {
        match self.number {
            1 => self.source.clone(),
            number => format!("{}-{number}", self.source),
        }
    }
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// What it means.
    pub about: String,
    /// The page below `docs/runbooks`.
    pub runbook: &'static str,
    /// What it watches.
    pub measure: Measure,
    /// When it fires.
    pub threshold: Threshold,
    /// Seconds of a period.
    pub period_secs: u32,
    /// Periods in a row.
    pub periods: u32,
    /// What missing data means.
    pub missing: Missing,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// The highest value of a metric of a queue.
    Queue {
        /// The queue.
        queue: String,
        /// The metric.
        metric: &'static str,
    },
    /// The highest value of a metric that `fire-drill heartbeat` puts.
    Own {
        /// The metric.
        metric: &'static str,
    },
    /// The sum of a metric of all rules of the bus, and of these, which forward to it.
    Rules {
        /// The metric.
        metric: &'static str,
        /// The rules that forward.
        forwarding: Vec<String>,
    },
    /// The number of events of a partner event source.
    PartnerEvents {
        /// The partner event source.
        partner_source: String,
    },
    /// Whether one of these alarms is firing. It notifies of nothing itself: each of them does, with its runbook.
    AnyOf {
        /// Their names.
        alarms: Vec<String>,
    },
}

/// When an alarm fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// At this value and above.
    AtLeast(u32),
    /// At the value of this parameter and above.
    AtLeastParameter(&'static str),
    /// Below this value.
    Below(u32),
}

/// What missing data means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// All is well.
    Good,
    /// A fault.
    Bad,
}

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name, and its service account's.
    pub name: String,
    /// Who assumes it.
    pub trusted: Trusted,
    /// What it may do.
    pub permissions: Vec<Permission>,
}

/// Who assumes a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// The service account of the same name.
    ServiceAccount,
    /// KEDA's operator, from its own role.
    Keda,
}

/// A statement of a role's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Its name.
    pub sid: &'static str,
    /// The actions.
    pub actions: &'static [&'static str],
    /// On what.
    pub on: Vec<Resource>,
    /// Only if.
    pub only_if: Option<Condition>,
}

/// What a permission is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// A queue, by its whole name: `prefix-*` of the deployment `coppice` would also be the queues of `coppice-prod`.
    Queue(String),
    /// The bus.
    Bus,
    /// The rules of the bus.
    Rules,
    /// Every resource: the action names none.
    Everything,
    /// The key of the queues, if the deployment has one.
    QueuesKey,
}

/// A condition of a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Every event has one of these sources, and one of these detail types.
    EventsOf {
        /// The sources.
        sources: Vec<String>,
        /// The detail types. Empty: any.
        detail_types: Vec<&'static str>,
    },
    /// Every event has a source that is like this, and none of these detail types.
    EventsLike {
        /// The pattern of the source.
        source: String,
        /// The detail types that are not allowed.
        except: Vec<&'static str>,
    },
    /// The metric is in this namespace.
    Namespace(&'static str),
}
