//! One unit's drill, advanced as far as possible. A step never waits: it reads the drill's row and the state of AWS, notes the
//! hops that were reached, and returns the next one. So any later process can resume a drill that was left open, by a kill or
//! because its job runs at night, and two processes at once do no harm.

mod diagnosis;
mod removal;

use std::time::Duration;

use event_bus::EventBus;
use postgres_store::{DrillFailure, FireDrill};
use sqs_queue::{OutgoingMessage, Queue};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::alarm::State;
use crate::clients::Clients;
use crate::configuration::{Fault, check};
use crate::drill_messages::{DrillMessage, READ_LIMIT, find};
use crate::failure::{CloudError, StepError};
use crate::hop::Hop;
use crate::notices::notified_at;
use crate::poison;
use crate::unit::{Door, Unit, notices};

// How much the clocks of AWS and of this process may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(30);

// For a queue that a scheduled job drains: longer than the pause between its runs, shorter than SQS's retention.
const UNTIL_DRAINED: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long each hop may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Until a running worker refuses the event.
    pub(crate) worker: Duration,
    /// Until the alarm fires, and until its notification arrives.
    pub(crate) alarm: Duration,
}

impl Limits {
    // For drills that another run began, perhaps with longer limits.
    pub(crate) const OF_OTHERS: Self =
        Self { worker: Duration::from_secs(900), alarm: Duration::from_secs(3600) };
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It cannot start yet.
    Waits(&'static str),
    /// It cannot start until an operator acts.
    Blocked(String),
    /// Its event is on its way to this hop.
    WaitsForHop(Hop),
    Ended(Result<(), DrillFailure>),
}

pub(crate) struct Drills<'a> {
    pub(crate) clients: &'a Clients,
    pub(crate) limits: Limits,
}

impl Drills<'_> {
    /// Starts a unit's drill, or joins the open one. Sends nothing yet.
    pub(crate) async fn begin(&self, unit: Unit) -> Result<Result<Uuid, Standing>, StepError> {
        let Clients { store, cloud } = self.clients;
        if let Some(open) = store.read_open_fire_drill(unit.name).await? {
            return Ok(Ok(open.drill_id));
        }
        if let Some(fault) = check(cloud, unit).await?.into_iter().next() {
            // Nothing was sent, so there is nothing to remove.
            let drill = store.open_fire_drill(unit.name).await?.drill_id;
            self.end_as_failed(unit, drill, fault).await?;
            return Ok(Ok(drill));
        }
        self.sweep(unit).await?;
        let dlq = unit.dlq(&cloud.prefix);
        let waiting = cloud.queue(&dlq).await?.map_or(0, |queue| queue.visible);
        if waiting > 0 {
            return Ok(Err(Standing::Blocked(format!(
                "{waiting} message(s) wait in {dlq}, so its alarm fires already and the drill could not see it fire: \
                 redrive or drop them first"
            ))));
        }
        if cloud.alarm(&unit.alarm(&cloud.prefix)).await?.is_some_and(|alarm| alarm.state == State::Alarm) {
            return Ok(Err(Standing::Waits("the alarm, which still fires, to end")));
        }
        // Deletes the notices of earlier alarms, so that the drill does not count them as its own.
        self.notified_at(unit, OffsetDateTime::now_utc()).await?;
        Ok(Ok(store.open_fire_drill(unit.name).await?.drill_id))
    }

    /// Advances a drill as far as possible.
    pub(crate) async fn step(&self, unit: Unit, drill: &FireDrill) -> Result<Standing, StepError> {
        if let Some(end) = &drill.end {
            return Ok(Standing::Ended(end.clone()));
        }
        let mut reached = drill.hops.clone();
        for hop in Hop::TIMED {
            if reached.contains_key(hop.name()) {
                continue;
            }
            let (last, since) =
                // The limit of a hop runs from the hop before it.
                reached.values().max().copied().map_or((None, drill.started_at), |at| (Some(at), at));
            let at = match hop {
                Hop::Put => Some(self.put(unit, drill.drill_id).await?),
                Hop::Worker => match self.dead_lettered(unit, drill.drill_id).await? {
                    Some(message) if has_reason(unit, &message) => Some(message.sent_at),
                    Some(_) => return self.fail(unit, drill.drill_id, without_reason(unit)).await,
                    None => None,
                },
                Hop::Alarm => self.alarm_fired_at(unit).await?,
                Hop::Notification => {
                    // A notification from before the message was dead-lettered belongs to an earlier drill.
                    let dead_lettered_at = reached.get(Hop::Worker.name()).copied().unwrap_or(since);
                    self.notified_at(unit, dead_lettered_at).await?
                }
                _ => self.clean_up(unit, drill.drill_id).await?.then(OffsetDateTime::now_utc),
            };
            let Some(at) = at else {
                let over = OffsetDateTime::now_utc() - since > self.limit(unit, hop);
                if !over || self.another_process_advances(unit, drill).await? {
                    return Ok(Standing::WaitsForHop(hop));
                }
                let fault = self.diagnose(unit, drill.drill_id, hop).await?;
                return self.fail(unit, drill.drill_id, fault).await;
            };
            // The clocks of the services differ a little, and CloudWatch rounds down to the second.
            let at = last.map_or(at, |last| last.max(at));
            self.clients.store.reach_fire_drill_hop(drill.drill_id, hop.name(), at).await?;
            tracing::info!(unit = unit.name, drill_id = %drill.drill_id, hop = hop.name(), "hop reached");
            reached.insert(hop.name().to_owned(), at);
        }
        self.clients.store.end_fire_drill(drill.drill_id, None).await?;
        Ok(Standing::Ended(Ok(())))
    }

    fn limit(&self, unit: Unit, hop: Hop) -> Duration {
        match hop {
            Hop::Worker if unit.door == Door::Queue => UNTIL_DRAINED,
            Hop::Worker => self.limits.worker,
            _ => self.limits.alarm,
        }
    }

    /// Sends the event to where the unit's real events enter.
    async fn put(&self, unit: Unit, drill: Uuid) -> Result<OffsetDateTime, StepError> {
        let cloud = &self.clients.cloud;
        let queue = match unit.door {
            Door::Bus { .. } => {
                let entries: Vec<_> = poison::entry(unit, drill).into_iter().collect();
                for result in cloud.bus.publish(&entries).await? {
                    result?;
                }
                return Ok(OffsetDateTime::now_utc());
            }
            Door::Queue => unit.queue(&cloud.prefix).unwrap_or_default(),
            Door::Dlq => unit.dlq(&cloud.prefix),
        };
        let queue = cloud.queue(&queue).await?.ok_or(CloudError::incomplete("GetQueueUrl"))?;
        let message = OutgoingMessage { body: poison::body(unit, drill), ..OutgoingMessage::default() };
        if cloud.open_queue(&queue).send(&[message]).await?.iter().any(Result::is_err) {
            return Err(CloudError::incomplete("SendMessage").into());
        }
        Ok(OffsetDateTime::now_utc())
    }

    /// The drill's message in the DLQ, if it is there.
    async fn dead_lettered(&self, unit: Unit, drill: Uuid) -> Result<Option<DrillMessage>, StepError> {
        let cloud = &self.clients.cloud;
        let Some(queue) = cloud.queue(&unit.dlq(&cloud.prefix)).await? else { return Ok(None) };
        if queue.visible == 0 {
            return Ok(None);
        }
        // The message stays in the DLQ, so that the alarm fires.
        let messages = find(&cloud.open_queue(&queue), READ_LIMIT).await?;
        Ok(messages.into_iter().find(|message| message.drill == drill))
    }

    async fn alarm_fired_at(&self, unit: Unit) -> Result<Option<OffsetDateTime>, StepError> {
        let cloud = &self.clients.cloud;
        let alarm = cloud.alarm(&unit.alarm(&cloud.prefix)).await?;
        let firing = alarm.filter(|alarm| alarm.state == State::Alarm);
        Ok(firing.map(|alarm| alarm.since.unwrap_or_else(OffsetDateTime::now_utc)))
    }

    async fn notified_at(
        &self,
        unit: Unit,
        since: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, StepError> {
        let cloud = &self.clients.cloud;
        let Some(queue) = cloud.queue(&notices(&cloud.prefix)).await? else { return Ok(None) };
        Ok(notified_at(&cloud.open_queue(&queue), &unit.alarm(&cloud.prefix), since - CLOCKS_DIFFER).await?)
    }

    /// Ends a drill that failed, and removes its messages as far as possible.
    async fn fail(&self, unit: Unit, drill: Uuid, fault: Fault) -> Result<Standing, StepError> {
        self.clean_up(unit, drill).await?;
        if fault.hop <= Hop::Worker {
            self.remove_undelivered(drill).await?;
        }
        self.end_as_failed(unit, drill, fault).await
    }

    async fn end_as_failed(&self, unit: Unit, drill: Uuid, fault: Fault) -> Result<Standing, StepError> {
        let Fault { hop, reason } = &fault;
        tracing::error!(unit = unit.name, drill_id = %drill, hop = hop.name(), reason, "drill failed");
        let failure = DrillFailure { hop: fault.hop.name().to_owned(), reason: fault.reason };
        let store = &self.clients.store;
        store.end_fire_drill(drill, Some(&failure)).await?;
        // If another process ended it first, its result counts.
        let ended = store.read_fire_drill(drill).await?.and_then(|drill| drill.end);
        Ok(Standing::Ended(ended.unwrap_or(Err(failure))))
    }

    /// Whether another process may know more of this drill.
    async fn another_process_advances(&self, unit: Unit, drill: &FireDrill) -> Result<bool, StepError> {
        let Clients { store, cloud } = self.clients;
        // Then it is too early to say that a hop was not reached: the other process hides messages of the DLQ, or has noted a
        // hop since this step began.
        let dlq = cloud.queue(&unit.dlq(&cloud.prefix)).await?;
        let hides_messages = dlq.is_some_and(|queue| queue.in_flight > 0);
        Ok(hides_messages || store.read_fire_drill(drill.drill_id).await?.as_ref() != Some(drill))
    }
}

/// Whether the message has the worker's reason.
fn has_reason(unit: Unit, message: &DrillMessage) -> bool {
    // No worker puts events into `undelivered`, so they have no reason.
    unit.door == Door::Dlq || message.attributes.contains_key("coppice.class")
}

fn without_reason(unit: Unit) -> Fault {
    let reason = format!(
        "the dead-lettered message has no reason: SQS moved it after too many receives, because {} receives it again and \
         again and cannot write to its DLQ",
        unit.name
    );
    Fault { hop: Hop::Worker, reason }
}
