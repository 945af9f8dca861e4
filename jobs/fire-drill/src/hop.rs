//! The hops of a drill's event, in order.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hop {
    /// The bus or the queue accepts the event.
    Put,
    /// A rule delivers it to the queue.
    Rule,
    /// The queue lets the rule send.
    QueuePolicy,
    /// The DLQ exists, and the queue and the worker name it.
    Dlq,
    /// The worker refuses it, with its reason.
    Worker,
    /// The alarm fires.
    Alarm,
    /// The notification arrives.
    Notification,
    /// Every message of the drill is removed.
    Cleanup,
}

impl Hop {
    /// The hops that have a time of their own in a healthy drill, in order.
    pub(crate) const TIMED: [Self; 5] =
        [Self::Put, Self::Worker, Self::Alarm, Self::Notification, Self::Cleanup];

    pub(crate) const fn name(self) -> &'static str {
        // Stable, because rows and reports have these names.
        match self {
            Self::Put => "put",
            Self::Rule => "rule",
            Self::QueuePolicy => "queue_policy",
            Self::Dlq => "dlq",
            Self::Worker => "worker",
            Self::Alarm => "alarm",
            Self::Notification => "notification",
            Self::Cleanup => "cleanup",
        }
    }
}
