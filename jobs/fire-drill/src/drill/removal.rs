//! Removes the messages that drills have sent, and no others, and the ledger's rows about them: from DLQs, and from
//! `undelivered`. The job may not receive from a unit's own queue, where live messages are.

use uuid::Uuid;

use super::Drills;
use crate::clients::Clients;
use crate::drill_messages::{READ_LIMIT, delete, find};
use crate::failure::StepError;
use crate::unit::{Unit, undelivered};

impl Drills<'_> {
    /// Removes a drill's dead-lettered message and its rows in the ledger. False: another reader may hide the message.
    pub(super) async fn clean_up(&self, unit: Unit, drill: Uuid) -> Result<bool, StepError> {
        let cloud = &self.clients.cloud;
        let queue = unit.dlq(&cloud.prefix);
        let hidden = cloud.queue(&queue).await?.map_or(0, |queue| queue.in_flight);
        let removed = self.remove(&queue, unit.name, READ_LIMIT, &[drill]).await?;
        Ok(removed > 0 || hidden == 0)
    }

    /// Removes poison that EventBridge could not deliver. If no worker has handled it, it stays in the unit's queue: the worker
    /// dead-letters it later, and a heartbeat removes it from the DLQ.
    pub(super) async fn remove_undelivered(&self, drill: Uuid) -> Result<(), StepError> {
        // No worker has had it, so the ledger has no row about it.
        self.remove(&undelivered(&self.clients.cloud.prefix), "", READ_LIMIT, &[drill]).await?;
        Ok(())
    }

    /// Removes messages of ended drills from the DLQ: events may be delivered twice, and late.
    pub(crate) async fn sweep(&self, unit: Unit) -> Result<(), StepError> {
        let Clients { store, cloud } = self.clients;
        let name = unit.dlq(&cloud.prefix);
        let Some(queue) = cloud.queue(&name).await?.filter(|queue| queue.visible > 0) else { return Ok(()) };
        let messages = find(&cloud.open_queue(&queue), READ_LIMIT).await?;
        let drills: Vec<Uuid> = messages.iter().map(|message| message.drill).collect();
        let ended = if drills.is_empty() { Vec::new() } else { store.ended_fire_drills(&drills).await? };
        if !ended.is_empty() {
            self.remove(&name, unit.name, READ_LIMIT, &ended).await?;
        }
        Ok(())
    }

    /// Returns how many were removed.
    async fn remove(
        &self,
        queue: &str,
        branch: &str,
        limit: usize,
        drills: &[Uuid],
    ) -> Result<usize, StepError> {
        let Clients { store, cloud } = self.clients;
        let Some(facts) = cloud.queue(queue).await?.filter(|facts| facts.visible > 0) else { return Ok(0) };
        let mut removed = 0;
        for message in delete(&cloud.open_queue(&facts), limit, drills).await? {
            if let Some(message_id) = message.attributes.get("coppice.message_id") {
                store.forget_failures(branch, std::slice::from_ref(message_id)).await?;
            }
            removed += 1;
            tracing::info!(queue, drill_id = %message.drill, "message of a drill removed");
        }
        Ok(removed)
    }
}
