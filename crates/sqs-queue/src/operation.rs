//! The calls of a queue by their names in SQS's documentation: for errors, counters and fault commands.

/// One of the calls of [`Queue`](crate::Queue).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// [`Queue::receive`](crate::Queue::receive).
    Receive,
    /// [`Queue::delete`](crate::Queue::delete).
    Delete,
    /// [`Queue::change_visibility`](crate::Queue::change_visibility).
    ChangeVisibility,
    /// [`Queue::send`](crate::Queue::send).
    Send,
    /// [`Queue::depth`](crate::Queue::depth).
    Depth,
    /// [`list_queues`](crate::list_queues).
    ListQueues,
    /// [`SqsQueue::start_move`](crate::SqsQueue::start_move).
    StartMove,
    /// [`SqsQueue::newest_move`](crate::SqsQueue::newest_move).
    ListMoves,
}

impl Operation {
    /// The action's name, as in <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receive => "ReceiveMessage",
            Self::Delete => "DeleteMessageBatch",
            Self::ChangeVisibility => "ChangeMessageVisibilityBatch",
            Self::Send => "SendMessageBatch",
            Self::Depth => "GetQueueAttributes",
            Self::ListQueues => "ListQueues",
            Self::StartMove => "StartMessageMoveTask",
            Self::ListMoves => "ListMessageMoveTasks",
        }
    }
}
