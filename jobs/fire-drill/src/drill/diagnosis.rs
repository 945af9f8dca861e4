//! Why an event has not come as far as it should have.

use uuid::Uuid;

use super::Drills;
use crate::configuration::{Fault, check};
use crate::dead_letters::{MOST_DEAD_LETTERED, look};
use crate::failure::StepError;
use crate::hop::Hop;
use crate::unit::{Unit, undelivered};

impl Drills<'_> {
    /// Why an event has not reached a hop in time.
    pub(super) async fn diagnose(&self, unit: Unit, drill: Uuid, hop: Hop) -> Result<Fault, StepError> {
        let cloud = &self.around.cloud;
        let fault = |hop, reason: String| Ok(Fault { hop, reason });
        // What was right when it began may have been changed since.
        if let Some(fault) = check(cloud, unit).await?.into_iter().next() {
            return Ok(fault);
        }
        if hop != Hop::Worker {
            let alarm = unit.alarm(&cloud.prefix);
            return match hop {
                Hop::Notification => fault(
                    hop,
                    format!(
                        "alarm {alarm} is on, and its topic told nobody: look at the topic's subscriptions and policy"
                    ),
                ),
                _ => fault(
                    hop,
                    format!("a dead letter waits, and alarm {alarm} is not on: look at its history"),
                ),
            };
        }
        if let Some(queue) = cloud.queue(&undelivered(&cloud.prefix)).await?
            && queue.visible > 0
            && look(&cloud.open_queue(&queue), MOST_DEAD_LETTERED)
                .await?
                .iter()
                .any(|letter| letter.drill == drill)
        {
            let reason =
                "EventBridge could not hand it to the queue: look at the attributes in the undelivered queue";
            return fault(Hop::QueuePolicy, String::from(reason));
        }
        let name = unit.queue(&cloud.prefix).unwrap_or_default();
        let queue = cloud.queue(&name).await?;
        let (visible, in_flight) = queue.map_or((0, 0), |queue| (queue.visible, queue.in_flight));
        let reason = match (visible, in_flight) {
            (0, 0) => format!(
                "it is neither in {name} nor in its dead letters: the rule did not deliver it, or the worker took it and did not \
                 refuse it"
            ),
            (_, 0) => format!(
                "the worker does not take it: {visible} message(s) wait in {name} and none is in hand; is {} running, is its \
                 provider's breaker open?",
                unit.name
            ),
            _ => format!(
                "the worker takes messages of {name} ({visible} wait, {in_flight} in hand) and has not refused it: is it behind, \
                 or can it not write to its dead letters?"
            ),
        };
        fault(Hop::Worker, reason)
    }
}
