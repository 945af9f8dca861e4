//! Removing what drills have sent: theirs, and nothing else's.

use uuid::Uuid;

use super::Drills;
use crate::clients::Clients;
use crate::dead_letters::{MOST_DEAD_LETTERED, look, take};
use crate::failure::StepError;
use crate::unit::{Unit, undelivered};

/// Most messages of a unit's own queue that are taken out and put back to remove poison that nobody took: each is
/// received once more for it.
const MOST_MESSAGES: u64 = 100;

impl Drills<'_> {
    /// Removes a drill's dead letter, and what the ledger says of its message. False: it may still be there, in another
    /// reader's hands.
    pub(super) async fn clean_up(&self, unit: Unit, drill: Uuid) -> Result<bool, StepError> {
        let cloud = &self.around.cloud;
        let queue = unit.dead_letters(&cloud.prefix);
        let hidden = cloud.queue(&queue).await?.map_or(0, |queue| queue.in_flight);
        let removed = self.remove(&queue, MOST_DEAD_LETTERED, &[drill]).await?;
        Ok(removed > 0 || hidden == 0)
    }

    /// Takes poison back that no worker has taken: it would become a dead letter when nobody expects one.
    pub(super) async fn take_back(&self, unit: Unit, drill: Uuid) -> Result<(), StepError> {
        let cloud = &self.around.cloud;
        self.remove(&undelivered(&cloud.prefix), MOST_DEAD_LETTERED, &[drill]).await?;
        let Some(name) = unit.queue(&cloud.prefix) else { return Ok(()) };
        let waiting = cloud.queue(&name).await?.map_or(0, |queue| queue.visible);
        if waiting <= MOST_MESSAGES {
            self.remove(&name, MOST_DEAD_LETTERED, &[drill]).await?;
        } else {
            tracing::warn!(
                unit = unit.name,
                waiting,
                "poison is left in a long queue: a heartbeat removes its dead letter"
            );
        }
        Ok(())
    }

    /// Removes dead letters of drills that have ended: events come twice, and late.
    pub(crate) async fn sweep(&self, unit: Unit) -> Result<(), StepError> {
        let Clients { store, cloud } = self.around;
        let name = unit.dead_letters(&cloud.prefix);
        let Some(queue) = cloud.queue(&name).await?.filter(|queue| queue.visible > 0) else { return Ok(()) };
        let letters = look(&cloud.open_queue(&queue), MOST_DEAD_LETTERED).await?;
        let drills: Vec<Uuid> = letters.iter().map(|letter| letter.drill).collect();
        let ended = if drills.is_empty() { Vec::new() } else { store.ended_fire_drills(&drills).await? };
        if !ended.is_empty() {
            self.remove(&name, MOST_DEAD_LETTERED, &ended).await?;
        }
        Ok(())
    }

    /// Answers how many were removed.
    async fn remove(&self, queue: &str, limit: usize, drills: &[Uuid]) -> Result<usize, StepError> {
        let Clients { store, cloud } = self.around;
        let Some(facts) = cloud.queue(queue).await?.filter(|facts| facts.visible > 0) else { return Ok(0) };
        let mut removed = 0;
        for letter in take(&cloud.open_queue(&facts), limit, drills).await? {
            let attribute = |name: &str| letter.attributes.get(name).cloned();
            if let Some((worker, message)) = attribute("coppice.worker").zip(attribute("coppice.message_id"))
            {
                store.forget_failures(&worker, &[message]).await?;
            }
            removed += 1;
            tracing::info!(queue, drill_id = %letter.drill, "event of a drill removed");
        }
        Ok(removed)
    }
}
