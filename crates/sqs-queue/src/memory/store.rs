//! The messages of a queue in memory, and what each operation does to them at one moment.
//!
//! In: operations with the time. Out: their effect. It must not know of waiting, faults of calls, or other queues.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::OnceLock;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use super::faults::{Doubling, Faults};
use crate::{Depth, EntryError, OutgoingMessage, Receipt, ReceivedMessage};

const BACK_OF_THE_QUEUE_AFTER: u32 = 3;

/// SQS's own limit, counted from the receive.
const TOTAL_VISIBILITY_LIMIT: Duration = Duration::from_secs(12 * 60 * 60);

const ATTRIBUTE_LIMIT: usize = 10;

#[derive(Clone)]
pub(super) struct Stored {
    pub(super) message_id: String,
    pub(super) body: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) sent_at: OffsetDateTime,
    pub(super) receive_count: u32,
    pub(super) hold: Option<Hold>,
    /// Of the last receive.
    receipt: Option<Receipt>,
}

#[derive(Clone, Copy)]
pub(super) struct Hold {
    received_at: Instant,
    until: Instant,
}

pub(super) struct Store {
    messages: VecDeque<Stored>,
    issued: HashSet<Receipt>,
}

impl Store {
    pub(super) fn new() -> Self {
        Self { messages: VecDeque::new(), issued: HashSet::new() }
    }

    pub(super) fn send(&mut self, message: &OutgoingMessage, now: Instant) {
        self.messages.push_back(Stored {
            message_id: Uuid::now_v7().to_string(),
            body: message.body.clone(),
            attributes: message.attributes.clone(),
            sent_at: wall_clock(now),
            receive_count: 0,
            hold: None,
            receipt: None,
        });
    }

    pub(super) fn accept(&mut self, messages: Vec<Stored>) {
        // As they are: with their ID, sending time and receive count.
        self.messages.extend(messages);
    }

    pub(super) fn settle(&mut self, now: Instant) {
        let mut to_the_back = Vec::new();
        for message in std::mem::take(&mut self.messages) {
            let due = message.hold.is_some_and(|hold| hold.until <= now);
            let message = Stored { hold: message.hold.filter(|_| !due), ..message };
            // SQS sends a message that was received so often to the back of the queue.
            if due && message.receive_count >= BACK_OF_THE_QUEUE_AFTER {
                to_the_back.push(message);
            } else {
                self.messages.push_back(message);
            }
        }
        self.messages.extend(to_the_back);
    }

    pub(super) fn take_exhausted(&mut self, max_receive_count: u32) -> Vec<Stored> {
        self.take_where(|message| message.hold.is_none() && message.receive_count >= max_receive_count)
    }

    pub(super) fn take_all_visible(&mut self, now: Instant) -> Vec<OutgoingMessage> {
        self.settle(now);
        let taken = self.take_where(|message| message.hold.is_none());
        // Without ID, sending time and count, as after SQS's move task.
        taken
            .into_iter()
            .map(|message| OutgoingMessage { body: message.body, attributes: message.attributes })
            .collect()
    }

    fn take_where(&mut self, wanted: impl Fn(&Stored) -> bool) -> Vec<Stored> {
        let (taken, kept) = std::mem::take(&mut self.messages).into_iter().partition::<Vec<_>, _>(wanted);
        self.messages = kept.into();
        taken
    }

    pub(super) fn receive(
        &mut self,
        max: usize,
        now: Instant,
        visibility_timeout: Duration,
        faults: &mut Faults,
    ) -> Vec<ReceivedMessage> {
        let mut taken = Vec::new();
        let mut for_the_next_receive = Vec::new();
        let mut position = 0;
        while position < self.messages.len() && taken.len() < max {
            if self.messages[position].hold.is_none() {
                taken.push(self.receive_at(position, now, visibility_timeout));
                match faults.take_doubling() {
                    Some(Doubling::SameBatch) => self.messages.insert(position + 1, self.copy_of(position)),
                    Some(Doubling::NextReceive) => for_the_next_receive.push(self.copy_of(position)),
                    None => {}
                }
            }
            position += 1;
        }
        for_the_next_receive.into_iter().rev().for_each(|copy| self.messages.push_front(copy));
        taken
    }

    fn copy_of(&self, position: usize) -> Stored {
        // As on another of SQS's servers: visible, whatever happens to the first.
        Stored { hold: None, receipt: None, ..self.messages[position].clone() }
    }

    fn receive_at(&mut self, position: usize, now: Instant, visibility_timeout: Duration) -> ReceivedMessage {
        let receipt = Receipt(Uuid::now_v7().to_string());
        self.issued.insert(receipt.clone());
        let message = &mut self.messages[position];
        message.receive_count += 1;
        message.hold = Some(Hold { received_at: now, until: now + visibility_timeout });
        message.receipt = Some(receipt.clone());
        ReceivedMessage {
            message_id: message.message_id.clone(),
            receipt,
            body: message.body.clone(),
            receive_count: message.receive_count,
            sent_at: message.sent_at,
            attributes: message.attributes.clone(),
        }
    }

    pub(super) fn delete(&mut self, receipt: &Receipt) -> Result<(), EntryError> {
        // SQS refuses a receipt that it never issued. It accepts an earlier one of a message, and changes nothing.
        if !self.issued.contains(receipt) {
            return Err(EntryError::ReceiptLost);
        }
        self.messages.retain(|message| message.receipt.as_ref() != Some(receipt));
        Ok(())
    }

    pub(super) fn change_visibility(
        &mut self,
        receipt: &Receipt,
        after: Duration,
        now: Instant,
    ) -> Result<(), EntryError> {
        let received = self.messages.iter_mut().find(|message| message.receipt.as_ref() == Some(receipt));
        let message = received.ok_or(EntryError::ReceiptLost)?;
        // Expired, and not received again since: SQS answers success and does nothing.
        let Some(hold) = &mut message.hold else { return Ok(()) };
        if now + after > hold.received_at + TOTAL_VISIBILITY_LIMIT {
            return Err(refused("InvalidParameterValue"));
        }
        hold.until = now + after;
        self.settle(now);
        Ok(())
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.messages.iter().filter_map(|message| message.hold).map(|hold| hold.until).min()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.messages.iter().filter(|message| message.hold.is_some()).count()
    }

    pub(super) fn depth(&self) -> Depth {
        let in_flight = self.in_flight() as u64;
        Depth { visible: self.messages.len() as u64 - in_flight, in_flight, delayed: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored> {
        self.messages.iter()
    }
}

fn wall_clock(now: Instant) -> OffsetDateTime {
    // In SQS's precision of a millisecond. On paused time it moves when that does, and is the same for every queue of a test.
    static ORIGIN: OnceLock<(std::time::Instant, OffsetDateTime)> = OnceLock::new();
    let (origin, origin_time) =
        *ORIGIN.get_or_init(|| (std::time::Instant::now(), OffsetDateTime::now_utc()));
    let now = now.into_std();
    let time = origin_time + now.saturating_duration_since(origin) - origin.saturating_duration_since(now);
    time.replace_nanosecond(time.nanosecond() / 1_000_000 * 1_000_000).unwrap_or(time)
}

pub(super) fn payload_bytes(message: &OutgoingMessage) -> usize {
    // SQS counts the names, types and values of attributes towards the limit of a call.
    let attributes = message.attributes.iter().map(|(name, value)| name.len() + "String".len() + value.len());
    message.body.len() + attributes.sum::<usize>()
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub(super) fn check(message: &OutgoingMessage) -> Result<(), EntryError> {
    if message.body.is_empty() {
        return Err(refused("MissingParameter"));
    }
    if !message.body.chars().all(is_allowed) {
        return Err(refused("InvalidMessageContents"));
    }
    let attributes = &message.attributes;
    if attributes.len() > ATTRIBUTE_LIMIT || attributes.values().any(String::is_empty) {
        return Err(refused("InvalidParameterValue"));
    }
    Ok(())
}

const fn is_allowed(character: char) -> bool {
    // The characters of XML 1.0.
    matches!(character,
        '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

fn refused(code: &str) -> EntryError {
    EntryError::Refused { code: code.to_owned() }
}
