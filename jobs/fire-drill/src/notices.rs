//! When an alarm's notification arrived in the queue `drill-notices`, which subscribes to the alarms' topic: an alarm whose
//! notification does not arrive is useless.

use serde::Deserialize;
use sqs_queue::{BATCH_LIMIT, Queue, QueueError, Receipt};
use time::OffsetDateTime;

use crate::drill_messages::read_messages;

// Notices expire after two hours.
const LIMIT: usize = 300;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notice {
    alarm_name: String,
    new_state_value: String,
}

/// When the topic notified that the alarm fired, after `since`. Earlier notices of this alarm are deleted.
pub(crate) async fn notified_at(
    notices: &impl Queue,
    alarm: &str,
    since: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, QueueError> {
    let mut notified_at = None;
    let mut receipts: Vec<Receipt> = Vec::new();
    read_messages(notices, LIMIT, async |message| {
        let notice: Notice = serde_json::from_str(&message.body).ok()?;
        if notice.alarm_name != alarm {
            return None;
        }
        // It belongs to an earlier drill.
        if message.sent_at < since {
            receipts.push(message.receipt.clone());
            return Some(());
        }
        // It stays: a process that is killed before it notes the hop has to find it again.
        if notice.new_state_value == "ALARM" {
            notified_at = notified_at.min(Some(message.sent_at)).or(Some(message.sent_at));
        }
        None
    })
    .await?;
    for some in receipts.chunks(BATCH_LIMIT) {
        notices.delete(some).await?;
    }
    Ok(notified_at)
}
