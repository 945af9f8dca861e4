//! A dead-lettered message: its body as it was, and the reason in attributes.

use sqs_queue::{OutgoingMessage, ReceivedMessage};
use time::format_description::well_known::Rfc3339;

use super::batches::{PAYLOAD_LIMIT_BYTES, payload_bytes};
use crate::disposition::DeadLetterReason;
use crate::ledger::RecordedFailure;

/// The attribute that identifies a redriven message to its plan. It stays if the message is dead-lettered again.
pub const REDRIVE_MARK: &str = "coppice.redrive";

const DETAIL_LIMIT: usize = 1_000;

pub(super) struct DeadLetterEntry<'a> {
    pub message: &'a ReceivedMessage,
    pub reason: &'a DeadLetterReason,
    pub recorded: Option<RecordedFailure>,
}

impl DeadLetterEntry<'_> {
    pub(super) fn write(&self, worker: &str, worker_version: &str) -> OutgoingMessage {
        let Self { message, reason, recorded } = self;
        let attempts = recorded.map_or(1, |recorded| recorded.attempts);
        let first_failed_at = recorded.and_then(|recorded| recorded.first_failed_at.format(&Rfc3339).ok());
        let attributes = [
            ("coppice.class", reason.class.to_owned()),
            ("coppice.detail", plain_text(&reason.detail)),
            ("coppice.worker", worker.to_owned()),
            ("coppice.worker_version", worker_version.to_owned()),
            ("coppice.attempts", attempts.to_string()),
            ("coppice.receive_count", message.receive_count.to_string()),
            ("coppice.message_id", message.message_id.clone()),
            ("coppice.sent_at", message.sent_at.format(&Rfc3339).unwrap_or_default()),
            ("coppice.first_failed_at", first_failed_at.unwrap_or_default()),
            (REDRIVE_MARK, message.attributes.get(REDRIVE_MARK).cloned().unwrap_or_default()),
        ];
        // SQS takes ten attributes at most; none may be empty.
        let attributes = attributes
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut outgoing = OutgoingMessage { body: message.body.clone(), attributes };
        if payload_bytes(&outgoing) > PAYLOAD_LIMIT_BYTES {
            // Too large for SQS with its attributes, it would never be dead-lettered. The log and the ledger have the reason.
            outgoing.attributes.clear();
        }
        outgoing
    }
}

pub(super) fn plain_text(detail: &str) -> String {
    // Postgres refuses NUL, and SQS most control characters. With one of them, the failure could never be counted and the
    // message never dead-lettered.
    let plain = |character: char| match character {
        '\u{FFFE}' | '\u{FFFF}' => ' ',
        character if character.is_control() => ' ',
        character => character,
    };
    detail.chars().take(DETAIL_LIMIT).map(plain).collect()
}
