//! One unit's drill, taken as far as it can go now.
//!
//! Everything that a drill waits for is asked for here and never waited for: a step looks at the drill's row and at the
//! world, notes what has been reached, and says what is next. So a drill that was left open, by a kill or because its job
//! comes at night, is taken up by whoever steps next, and two who step at once do no harm.

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
use crate::dead_letters::{Letter, MOST_DEAD_LETTERED, look};
use crate::failure::{CloudError, StepError};
use crate::hop::Hop;
use crate::notices::pushed_at;
use crate::poison;
use crate::unit::{Door, Unit, notices};

/// By how much the clocks of the services and of this process may differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(30);

/// A queue that is drained by a scheduled job: longer than it rests, and shorter than SQS keeps its messages.
const UNTIL_DRAINED: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long each hop may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Until a running worker has refused the event.
    pub(crate) worker: Duration,
    /// Until the alarm is on, and until it is told.
    pub(crate) alarm: Duration,
}

impl Limits {
    /// For drills that somebody else began, and may have given more time than usual.
    pub(crate) const OF_OTHERS: Self =
        Self { worker: Duration::from_secs(900), alarm: Duration::from_secs(3600) };
}

/// Where a drill stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It cannot begin yet.
    Waits(&'static str),
    /// It cannot begin, and somebody has to do something first.
    Hindered(String),
    /// Its event is on its way to this hop.
    OnItsWayTo(Hop),
    /// Its end.
    Ended(Result<(), DrillFailure>),
}

/// The drills of a stack.
pub(crate) struct Drills<'a> {
    pub(crate) around: &'a Clients,
    pub(crate) limits: Limits,
}

impl Drills<'_> {
    /// Begins a unit's drill, or joins the open one. Sends nothing yet.
    pub(crate) async fn begin(&self, unit: Unit) -> Result<Result<Uuid, Standing>, StepError> {
        let Clients { store, cloud } = self.around;
        if let Some(open) = store.read_open_fire_drill(unit.name).await? {
            return Ok(Ok(open.drill_id));
        }
        if let Some(fault) = check(cloud, unit).await?.into_iter().next() {
            // Nothing was sent, and nothing is to be removed.
            let drill = store.open_fire_drill(unit.name).await?.drill_id;
            self.end_as_failed(unit, drill, fault).await?;
            return Ok(Ok(drill));
        }
        self.sweep(unit).await?;
        let dead_letters = unit.dead_letters(&cloud.prefix);
        let waiting = cloud.queue(&dead_letters).await?.map_or(0, |queue| queue.visible);
        if waiting > 0 {
            return Ok(Err(Standing::Hindered(format!(
                "{waiting} message(s) wait in {dead_letters}, so the alarm is on and cannot be seen to go on: \
                 deal with them first"
            ))));
        }
        if cloud.alarm(&unit.alarm(&cloud.prefix)).await?.is_some_and(|alarm| alarm.state == State::Alarm) {
            return Ok(Err(Standing::Waits("the alarm, which is still on, to go off")));
        }
        // What its alarm told before is not to be taken for what it tells now.
        self.pushed_at(unit, OffsetDateTime::now_utc()).await?;
        Ok(Ok(store.open_fire_drill(unit.name).await?.drill_id))
    }

    /// Takes a drill as far as it can go now.
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
                reached.values().max().copied().map_or((None, drill.started_at), |at| (Some(at), at));
            let at = match hop {
                Hop::Put => Some(self.put(unit, drill.drill_id).await?),
                Hop::Worker => match self.letter(unit, drill.drill_id).await? {
                    Some(letter) if is_explained(unit, &letter) => Some(letter.sent_at),
                    Some(_) => return self.fail(unit, drill.drill_id, unexplained(unit)).await,
                    None => None,
                },
                Hop::Alarm => self.alarm_on_at(unit).await?,
                Hop::Notification => {
                    let dead_at = reached.get(Hop::Worker.name()).copied().unwrap_or(since);
                    self.pushed_at(unit, dead_at).await?
                }
                _ => self.clean_up(unit, drill.drill_id).await?.then(OffsetDateTime::now_utc),
            };
            let Some(at) = at else {
                let over = OffsetDateTime::now_utc() - since > self.limit(unit, hop);
                if !over || self.somebody_else_steps(unit, drill).await? {
                    return Ok(Standing::OnItsWayTo(hop));
                }
                let fault = self.diagnose(unit, drill.drill_id, hop).await?;
                return self.fail(unit, drill.drill_id, fault).await;
            };
            // The clocks of the services differ by moments, and CloudWatch's is cut to the second.
            let at = last.map_or(at, |last| last.max(at));
            self.around.store.reach_fire_drill_hop(drill.drill_id, hop.name(), at).await?;
            tracing::info!(unit = unit.name, drill_id = %drill.drill_id, hop = hop.name(), "hop reached");
            reached.insert(hop.name().to_owned(), at);
        }
        self.around.store.end_fire_drill(drill.drill_id, None).await?;
        Ok(Standing::Ended(Ok(())))
    }

    fn limit(&self, unit: Unit, hop: Hop) -> Duration {
        match hop {
            Hop::Worker if unit.door == Door::Queue => UNTIL_DRAINED,
            Hop::Worker => self.limits.worker,
            _ => self.limits.alarm,
        }
    }

    /// Puts the event in at the unit's front door.
    async fn put(&self, unit: Unit, drill: Uuid) -> Result<OffsetDateTime, StepError> {
        let cloud = &self.around.cloud;
        let queue = match unit.door {
            Door::Bus { .. } => {
                let entries: Vec<_> = poison::entry(unit, drill).into_iter().collect();
                for result in cloud.bus.publish(&entries).await? {
                    result?;
                }
                return Ok(OffsetDateTime::now_utc());
            }
            Door::Queue => unit.queue(&cloud.prefix).unwrap_or_default(),
            Door::DeadLetters => unit.dead_letters(&cloud.prefix),
        };
        let queue = cloud.queue(&queue).await?.ok_or(CloudError::incomplete("GetQueueUrl"))?;
        let message = OutgoingMessage { body: poison::body(unit, drill), ..OutgoingMessage::default() };
        if cloud.open_queue(&queue).send(&[message]).await?.iter().any(Result::is_err) {
            return Err(CloudError::incomplete("SendMessage").into());
        }
        Ok(OffsetDateTime::now_utc())
    }

    /// The drill's dead letter, if it is there. It stays where it is: the alarm has to see it.
    async fn letter(&self, unit: Unit, drill: Uuid) -> Result<Option<Letter>, StepError> {
        let cloud = &self.around.cloud;
        let Some(queue) = cloud.queue(&unit.dead_letters(&cloud.prefix)).await? else { return Ok(None) };
        if queue.visible == 0 {
            return Ok(None);
        }
        let letters = look(&cloud.open_queue(&queue), MOST_DEAD_LETTERED).await?;
        Ok(letters.into_iter().find(|letter| letter.drill == drill))
    }

    async fn alarm_on_at(&self, unit: Unit) -> Result<Option<OffsetDateTime>, StepError> {
        let cloud = &self.around.cloud;
        let alarm = cloud.alarm(&unit.alarm(&cloud.prefix)).await?;
        let on = alarm.filter(|alarm| alarm.state == State::Alarm);
        Ok(on.map(|alarm| alarm.since.unwrap_or_else(OffsetDateTime::now_utc)))
    }

    async fn pushed_at(
        &self,
        unit: Unit,
        since: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, StepError> {
        let cloud = &self.around.cloud;
        let Some(queue) = cloud.queue(&notices(&cloud.prefix)).await? else { return Ok(None) };
        Ok(pushed_at(&cloud.open_queue(&queue), &unit.alarm(&cloud.prefix), since - CLOCKS_DIFFER).await?)
    }

    /// Ends a drill that failed, and removes what it sent as far as it can be reached.
    async fn fail(&self, unit: Unit, drill: Uuid, fault: Fault) -> Result<Standing, StepError> {
        self.clean_up(unit, drill).await?;
        if fault.hop <= Hop::Worker {
            self.take_back(unit, drill).await?;
        }
        self.end_as_failed(unit, drill, fault).await
    }

    async fn end_as_failed(&self, unit: Unit, drill: Uuid, fault: Fault) -> Result<Standing, StepError> {
        let Fault { hop, reason } = &fault;
        tracing::error!(unit = unit.name, drill_id = %drill, hop = hop.name(), reason, "drill failed");
        let failure = DrillFailure { hop: fault.hop.name().to_owned(), reason: fault.reason };
        let store = &self.around.store;
        store.end_fire_drill(drill, Some(&failure)).await?;
        // As somebody else ended it, if somebody was sooner.
        let ended = store.read_fire_drill(drill).await?.and_then(|drill| drill.end);
        Ok(Standing::Ended(ended.unwrap_or(Err(failure))))
    }

    /// Whether another process may know more of this drill: it has the dead letters in hand, or has noted something since
    /// this step began. Then it is too early to say that something has not come.
    async fn somebody_else_steps(&self, unit: Unit, drill: &FireDrill) -> Result<bool, StepError> {
        let Clients { store, cloud } = self.around;
        let dead_letters = cloud.queue(&unit.dead_letters(&cloud.prefix)).await?;
        let in_hand = dead_letters.is_some_and(|queue| queue.in_flight > 0);
        Ok(in_hand || store.read_fire_drill(drill.drill_id).await?.as_ref() != Some(drill))
    }
}

/// Whether the letter says why it is dead. Undelivered events are put there without a worker.
fn is_explained(unit: Unit, letter: &Letter) -> bool {
    unit.door == Door::DeadLetters || letter.attributes.contains_key("coppice.class")
}

fn unexplained(unit: Unit) -> Fault {
    let reason = format!(
        "the dead letter has no reason: SQS moved it after too many receives, because {} takes it again and again and \
         cannot write to its dead letters",
        unit.name
    );
    Fault { hop: Hop::Worker, reason }
}
