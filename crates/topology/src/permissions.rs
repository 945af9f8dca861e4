//! The roles: what each unit, or branch, may do, and nothing else.
//!
//! * A queue is named whole: `prefix-*` of the deployment `coppice` would also be the queues of `coppice-prod`.
//! * A unit puts events only under the sources that are its own.
//! * In a worker's init container, `coppice doctor` reports as skipped what the worker's role does not allow. As the job `doctor`,
//!   it has the role of the operators' tool, which may read everything it checks.

use std::collections::BTreeSet;

use event_contract::{HEARTBEAT, INGRESS_SOURCE_PREFIX, INTERNAL_SOURCE, POISON};
use fleet::{Door, Kind, Need, Queue, Unit};

use crate::branch::Branch;
use crate::model::{Condition, NOTICES, Permission, Resource, Role, Trusted, UNDELIVERED};

const SYNTHETIC: [&str; 2] = [HEARTBEAT, POISON];

pub(crate) fn roles(branches: &[Branch]) -> Vec<Role> {
    let of_branch = |branch: &Branch| role(branch.name(), own(branch));
    let of_unit = |unit: &Unit| Some(role(unit.name.to_owned(), of_unit(unit, branches)?));
    let mut roles: Vec<Role> = branches.iter().map(of_branch).collect();
    let units = fleet::UNITS.iter().filter(|unit| unit.needs(Need::Aws) && unit.queue != Queue::Own);
    roles.extend(units.filter_map(of_unit));
    roles.push(keda(branches));
    // Without a branch to work on, a unit has nothing that it may do.
    for role in &mut roles {
        role.permissions.retain(|permission| !permission.on.is_empty());
    }
    roles.retain(|role| role.permissions.iter().any(|permission| permission.on != [Resource::QueuesKey]));
    roles
}

fn role(name: String, permissions: Vec<Permission>) -> Role {
    Role { name, trusted: Trusted::ServiceAccount, permissions }
}

fn allow(sid: &'static str, actions: &'static [&'static str], on: Vec<Resource>) -> Permission {
    Permission { sid, actions, on, only_if: None }
}

fn queues(names: impl IntoIterator<Item = String>) -> Vec<Resource> {
    names.into_iter().map(Resource::Queue).collect()
}

fn names(branches: &[Branch]) -> impl Iterator<Item = String> {
    branches.iter().map(Branch::name)
}

fn dlqs(branches: &[Branch]) -> impl Iterator<Item = String> {
    branches.iter().map(Branch::dlq)
}

/// The queues that a unit fills.
fn filled_by(unit: &Unit, branches: &[Branch]) -> Vec<Resource> {
    let filled = branches.iter().filter(|branch| branch.unit.fed_by.contains(&unit.name));
    queues(filled.map(Branch::name))
}

fn queues_key() -> Permission {
    allow("QueuesKey", &["kms:GenerateDataKey", "kms:Decrypt"], vec![Resource::QueuesKey])
}

fn reads_bus() -> Permission {
    allow("Bus", &["events:DescribeEventBus"], vec![Resource::Bus])
}

/// What a worker, or a job with queues of its own, may do for one source.
fn own(branch: &Branch) -> Vec<Permission> {
    let events = Condition::EventsOf { sources: vec![INTERNAL_SOURCE.to_owned()], detail_types: Vec::new() };
    vec![
        allow(
            "OwnQueue",
            &[
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
            ],
            queues([branch.name()]),
        ),
        allow(
            "OwnDeadLetters",
            &["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
            queues([branch.dlq()]),
        ),
        Permission {
            only_if: Some(events),
            ..allow("Announcements", &["events:PutEvents"], vec![Resource::Bus])
        },
        reads_bus(),
        queues_key(),
    ]
}

fn of_unit(unit: &Unit, branches: &[Branch]) -> Option<Vec<Permission>> {
    Some(match unit.name {
        _ if unit.kind == Kind::Server => ingress(),
        // An audit sends only with `--repair`.
        _ if matches!(unit.queue, Queue::Filled | Queue::Audited) => vec![
            allow("FilledQueues", &["sqs:SendMessage", "sqs:GetQueueAttributes"], filled_by(unit, branches)),
            queues_key(),
        ],
        "fire-drill" => fire_drill(branches),
        "coppice" => operators(branches),
        // A new unit gets no right unnoticed: a test finds that it has no role.
        _ => return None,
    })
}

fn ingress() -> Vec<Permission> {
    // It cannot forge what fire-drill sends.
    let events =
        Condition::EventsLike { source: format!("{INGRESS_SOURCE_PREFIX}*"), except: SYNTHETIC.to_vec() };
    let puts = allow("Webhooks", &["events:PutEvents"], vec![Resource::Bus]);
    vec![Permission { only_if: Some(events), ..puts }, reads_bus()]
}

/// It cannot receive from a branch's own queue.
fn fire_drill(branches: &[Branch]) -> Vec<Permission> {
    let doors = branches.iter().filter_map(|branch| Some(branch.entrance()?.source));
    let sources: BTreeSet<String> = doors.collect();
    let entered = branches.iter().filter(|branch| branch.unit.door == Some(Door::Queue));
    let events =
        Condition::EventsOf { sources: sources.into_iter().collect(), detail_types: SYNTHETIC.to_vec() };
    let with_drills: Vec<String> = dlqs(branches).chain([UNDELIVERED, NOTICES].map(str::to_owned)).collect();
    vec![
        Permission {
            only_if: Some(events),
            ..allow("FrontDoors", &["events:PutEvents"], vec![Resource::Bus])
        },
        reads_bus(),
        allow(
            "Rules",
            &["events:ListRules", "events:ListTargetsByRule"],
            vec![Resource::Bus, Resource::Rules],
        ),
        allow(
            "Partners",
            &["events:ListEventBuses", "events:DescribeEventSource"],
            vec![Resource::Everything],
        ),
        allow("Depths", &["sqs:GetQueueUrl", "sqs:GetQueueAttributes"], queues(names(branches))),
        allow(
            "DrillMessages",
            &[
                "sqs:GetQueueUrl",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
            ],
            queues(with_drills),
        ),
        allow(
            "DoorsThatAreQueues",
            &["sqs:SendMessage"],
            queues(entered.map(Branch::name).chain([UNDELIVERED.to_owned()])),
        ),
        // List calls take no resource.
        allow(
            "Alarms",
            &["cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"],
            vec![Resource::Everything],
        ),
        Permission {
            only_if: Some(Condition::Namespace("Coppice")),
            ..allow("Measures", &["cloudwatch:PutMetricData"], vec![Resource::Everything])
        },
        queues_key(),
    ]
}

/// The operators' CLI: dead-lettered messages, and `doctor`.
fn operators(branches: &[Branch]) -> Vec<Permission> {
    vec![
        allow("AllQueues", &["sqs:ListQueues"], vec![Resource::Everything]),
        allow(
            "BackToTheirBranches",
            &["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
            queues(names(branches)),
        ),
        allow(
            "DeadLetters",
            &[
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:StartMessageMoveTask",
                "sqs:ListMessageMoveTasks",
            ],
            queues(dlqs(branches).chain([UNDELIVERED.to_owned()])),
        ),
        allow("Notices", &["sqs:GetQueueAttributes", "sqs:GetQueueUrl"], queues([NOTICES.to_owned()])),
        allow(
            "Bus",
            &["events:DescribeEventBus", "events:ListRules", "events:ListTargetsByRule"],
            vec![Resource::Bus, Resource::Rules],
        ),
        allow(
            "Dependencies",
            &[
                "events:TestEventPattern",
                "events:ListEventBuses",
                "events:ListEventSources",
                "events:DescribeEventSource",
            ],
            vec![Resource::Everything],
        ),
        queues_key(),
    ]
}

/// KEDA's operator assumes this role from its own. It may only read the depths of the workers' queues.
fn keda(branches: &[Branch]) -> Role {
    let scaled = branches.iter().filter(|branch| branch.unit.kind == Kind::Worker).map(Branch::name);
    let depths = allow("Depths", &["sqs:GetQueueAttributes"], queues(scaled));
    Role { name: String::from("keda"), trusted: Trusted::Keda, permissions: vec![depths] }
}
