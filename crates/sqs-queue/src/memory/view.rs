//! A view of the messages for assertions. Reading it receives nothing and counts no call.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::MemoryQueue;
use super::store::Stored;
use crate::Depth;

/// One message of a [`MemoryQueue`], as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Its ID.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// How often it was received.
    pub receive_count: u32,
    /// When it was first sent.
    pub sent_at: OffsetDateTime,
    /// Received, and neither deleted nor visible again.
    pub in_flight: bool,
}

impl From<&Stored> for MessageView {
    fn from(message: &Stored) -> Self {
        Self {
            message_id: message.message_id.clone(),
            body: message.body.clone(),
            attributes: message.attributes.clone(),
            receive_count: message.receive_count,
            sent_at: message.sent_at,
            in_flight: message.hold.is_some(),
        }
    }
}

impl MemoryQueue {
    /// Every message, in the order of delivery.
    pub fn messages(&self) -> Vec<MessageView> {
        let mut inner = self.inner();
        inner.store.settle(Instant::now());
        inner.store.iter().map(MessageView::from).collect()
    }

    /// How many messages wait to be received.
    pub fn visible(&self) -> u64 {
        self.depth_now().visible
    }

    /// How many messages are received, and neither deleted nor visible again.
    pub fn in_flight(&self) -> u64 {
        self.depth_now().in_flight
    }

    fn depth_now(&self) -> Depth {
        let mut inner = self.inner();
        inner.store.settle(Instant::now());
        inner.store.depth()
    }
}
