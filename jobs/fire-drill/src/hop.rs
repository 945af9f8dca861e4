//! The stations of a drill's event, in order.

use std::fmt;

/// Where a drill can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hop {
    /// The bus, or the queue, takes the event.
    Put,
    /// A rule hands it to the queue.
    Rule,
    /// The queue lets the rule send.
    QueuePolicy,
    /// There is a queue for dead letters, which the queue and the worker name.
    DeadLetters,
    /// The worker refuses it, with its reason.
    Worker,
    /// The alarm goes on.
    Alarm,
    /// The alarm is told.
    Notification,
    /// Nothing of it is left.
    Cleanup,
}

impl Hop {
    /// Those that a healthy drill goes through one after the other, each at a time of its own.
    pub(crate) const TIMED: [Self; 5] =
        [Self::Put, Self::Worker, Self::Alarm, Self::Notification, Self::Cleanup];

    /// Its stable name, in rows and reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Rule => "rule",
            Self::QueuePolicy => "queue_policy",
            Self::DeadLetters => "dead_letters",
            Self::Worker => "worker",
            Self::Alarm => "alarm",
            Self::Notification => "notification",
            Self::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
