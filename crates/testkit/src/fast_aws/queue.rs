//! One standard queue: waiting messages, messages in flight with the end of their visibility timeout, deletions. The cost of an
//! operation does not grow with the number of messages, except for the logarithm of a heap. It must not know a protocol.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use md5::{Digest, Md5};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::Deletion;

pub(super) struct Queue {
    pub(super) name: String,
    pub(super) visibility: Duration,
    /// The dead-letter queue's name, and the receives that a message may have.
    pub(super) redrive: Option<(String, u32)>,
    pub(super) deletions: Vec<Deletion>,
    pub(super) arrivals: Arc<Notify>,
    messages: HashMap<u64, Message>,
    /// Numbers of the waiting messages, in order.
    waiting: VecDeque<u64>,
    visible: usize,
    /// The times when messages in flight become visible.
    returns: BinaryHeap<Reverse<(Instant, u64)>>,
    next_number: u64,
}

#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    // Clients of some languages check it.
    pub(super) body_md5: String,
    pub(super) attributes: Option<Value>,
    pub(super) sent_at_millis: u128,
    pub(super) receive_count: u32,
    sent_at: Instant,
    /// `None` while it waits.
    hidden_until: Option<Instant>,
}

pub(super) struct Received<'a> {
    pub(super) receipt: String,
    pub(super) message: &'a Message,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Receipt {
    /// Success. SQS also reports success if there was nothing to do.
    Accepted,
    /// The receipt is of another queue.
    Invalid,
    /// The message is gone, or another receive has it.
    Lost,
}

impl Queue {
    pub(super) fn new(name: &str, visibility: Duration, redrive: Option<(String, u32)>) -> Self {
        Self {
            name: name.to_owned(),
            visibility,
            redrive,
            deletions: Vec::new(),
            arrivals: Arc::default(),
            messages: HashMap::new(),
            waiting: VecDeque::new(),
            visible: 0,
            returns: BinaryHeap::new(),
            next_number: 0,
        }
    }

    pub(super) fn send(&mut self, body: String, attributes: Option<Value>, now: Instant) -> (String, String) {
        let id = Uuid::new_v4().to_string();
        let body_md5: String = Md5::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let sent_at_millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.admit(Message {
            id: id.clone(),
            body,
            body_md5: body_md5.clone(),
            attributes,
            sent_at_millis,
            receive_count: 0,
            sent_at: now,
            hidden_until: None,
        });
        (id, body_md5)
    }

    /// Accepts a message unchanged: a new one, or one that another queue dead-letters.
    pub(super) fn admit(&mut self, message: Message) {
        self.messages.insert(self.next_number, Message { hidden_until: None, ..message });
        self.waiting.push_back(self.next_number);
        self.next_number += 1;
        self.visible += 1;
        self.arrivals.notify_waiters();
    }

    /// Receives up to `max`. The second part is for the dead-letter queue.
    pub(super) fn receive(
        &mut self,
        max: usize,
        visibility: Duration,
        now: Instant,
    ) -> (Vec<Received<'_>>, Vec<Message>) {
        self.bring_back(now);
        let limit = self.redrive.as_ref().map_or(u32::MAX, |(_, limit)| *limit);
        let (mut numbers, mut dead) = (Vec::new(), Vec::new());
        while numbers.len() < max {
            let Some(number) = self.waiting.pop_front() else { break };
            // A number whose message was deleted is skipped.
            let Some(message) = self.messages.get_mut(&number) else { continue };
            self.visible -= 1;
            if message.receive_count >= limit {
                dead.extend(self.messages.remove(&number));
                continue;
            }
            message.receive_count += 1;
            message.hidden_until = Some(now + visibility);
            self.returns.push(Reverse((now + visibility, number)));
            numbers.push(number);
        }
        let queue = &*self;
        let received = numbers.into_iter().filter_map(|number| {
            let message = queue.messages.get(&number)?;
            Some(Received { receipt: format!("{}/{number}/{}", queue.name, message.receive_count), message })
        });
        (received.collect(), dead)
    }

    pub(super) fn delete(&mut self, receipt: &str, now: Instant) -> Receipt {
        self.bring_back(now);
        let Some((number, receive)) = self.read(receipt) else { return Receipt::Invalid };
        // An earlier receipt of a message that was received again is accepted, and deletes nothing.
        if self.messages.get(&number).is_some_and(|message| message.receive_count == receive) {
            let message = self.messages.remove(&number);
            if let Some(message) = message {
                self.visible -= usize::from(message.hidden_until.is_none());
                self.deletions.push(Deletion { sent_at: message.sent_at, deleted_at: now });
            }
        }
        Receipt::Accepted
    }

    pub(super) fn change_visibility(&mut self, receipt: &str, hidden_for: Duration, now: Instant) -> Receipt {
        self.bring_back(now);
        let Some((number, receive)) = self.read(receipt) else { return Receipt::Invalid };
        let message = self.messages.get_mut(&number).filter(|message| message.receive_count == receive);
        let Some(message) = message else { return Receipt::Lost };
        // A receipt whose time is over is accepted, and hides nothing.
        if message.hidden_until.is_some() {
            message.hidden_until = Some(now + hidden_for);
            self.returns.push(Reverse((now + hidden_for, number)));
            self.bring_back(now);
            // A waiting receive may have to wake earlier than it planned.
            self.arrivals.notify_waiters();
        }
        Receipt::Accepted
    }

    /// Messages that wait, and that are in flight.
    pub(super) fn depth(&mut self, now: Instant) -> (usize, usize) {
        self.bring_back(now);
        (self.visible, self.messages.len() - self.visible)
    }

    pub(super) fn next_return(&self) -> Option<Instant> {
        self.returns.peek().map(|Reverse((at, _))| *at)
    }

    fn bring_back(&mut self, now: Instant) {
        while let Some(Reverse((at, number))) = self.returns.peek().copied().filter(|next| next.0.0 <= now) {
            self.returns.pop();
            // Otherwise the entry is outdated: the message's timeout was changed, or the message was deleted.
            let message = self.messages.get_mut(&number).filter(|message| message.hidden_until == Some(at));
            if let Some(message) = message {
                message.hidden_until = None;
                self.waiting.push_back(number);
                self.visible += 1;
            }
        }
    }

    fn read(&self, receipt: &str) -> Option<(u64, u32)> {
        let (number, receive) = receipt.strip_prefix(&self.name)?.strip_prefix('/')?.split_once('/')?;
        Some((number.parse().ok()?, receive.parse().ok()?))
    }
}
