//! What the alarms' topic told lately: an alarm that nobody hears is none.

use serde::Deserialize;
use sqs_queue::{BATCH_LIMIT, Queue, QueueError, Receipt};
use time::OffsetDateTime;

use crate::dead_letters::go_through;

/// Most notices looked at in one go; they are gone after two hours by themselves.
const LIMIT: usize = 300;

/// An alarm's message to its topic.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notice {
    alarm_name: String,
    new_state_value: String,
}

/// When the topic told that the alarm went on, since `since`. What it told of this alarm before that is removed: it is of an
/// earlier drill, and the unit's drill is ours.
pub(crate) async fn pushed_at(
    notices: &impl Queue,
    alarm: &str,
    since: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, QueueError> {
    let mut pushed_at = None;
    let mut receipts: Vec<Receipt> = Vec::new();
    go_through(notices, LIMIT, async |message| {
        let notice: Notice = serde_json::from_str(&message.body).ok()?;
        if notice.alarm_name != alarm {
            return None;
        }
        if message.sent_at < since {
            receipts.push(message.receipt.clone());
            return Some(());
        }
        // It stays: whoever is killed before the hop is noted finds it again.
        if notice.new_state_value == "ALARM" {
            pushed_at = pushed_at.min(Some(message.sent_at)).or(Some(message.sent_at));
        }
        None
    })
    .await?;
    for some in receipts.chunks(BATCH_LIMIT) {
        notices.delete(some).await?;
    }
    Ok(pushed_at)
}
