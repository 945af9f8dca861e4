//! Finds out why a drill's event has not reached a hop in time. Out: the fault, with what to do.

use uuid::Uuid;

use super::Drills;
use crate::configuration::{Fault, check};
use crate::drill_messages::{READ_LIMIT, find};
use crate::failure::StepError;
use crate::hop::Hop;
use crate::unit::{Unit, undelivered};

impl Drills<'_> {
    pub(super) async fn diagnose(&self, unit: Unit, drill: Uuid, hop: Hop) -> Result<Fault, StepError> {
        let cloud = &self.clients.cloud;
        let fault = |hop, reason: String| Ok(Fault { hop, reason });
        // The configuration may have changed since the drill began.
        if let Some(fault) = check(cloud, unit).await?.into_iter().next() {
            return Ok(fault);
        }
        if hop != Hop::Worker {
            let alarm = unit.alarm(&cloud.prefix);
            let reason = match hop {
                Hop::Notification => format!(
                    "alarm {alarm} fires, and no notification arrived: check the topic's subscriptions and policy"
                ),
                _ => {
                    format!("a message waits in the DLQ, and alarm {alarm} does not fire: check its history")
                }
            };
            return fault(hop, reason);
        }
        if let Some(queue) = cloud.queue(&undelivered(&cloud.prefix)).await?
            && queue.visible > 0
            && find(&cloud.open_queue(&queue), READ_LIMIT).await?.iter().any(|message| message.drill == drill)
        {
            let reason = "EventBridge could not deliver it to the queue: check its attributes in the queue undelivered";
            return fault(Hop::QueuePolicy, String::from(reason));
        }
        let name = unit.queue(&cloud.prefix).unwrap_or_default();
        let queue = cloud.queue(&name).await?;
        let (visible, in_flight) = queue.map_or((0, 0), |queue| (queue.visible, queue.in_flight));
        let reason = match (visible, in_flight) {
            (0, 0) => format!(
                "it is neither in {name} nor in its DLQ: the rule did not deliver it, or the worker received it and did not \
                 refuse it"
            ),
            (_, 0) => format!(
                "the worker does not receive it: {visible} message(s) wait in {name} and none is in flight. Check that {} runs, and \
                 whether its provider's breaker is open",
                unit.name
            ),
            _ => format!(
                "the worker receives messages of {name} ({visible} wait, {in_flight} in flight) and has not refused it: check whether it \
                 lags, and whether it can write to its DLQ"
            ),
        };
        fault(Hop::Worker, reason)
    }
}
