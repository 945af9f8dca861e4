//! Compares records with their source, and those that seem to diverge a second time. In: IDs of one source. Out: the divergent
//! records and the undecided ones. Reads only.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use connectors::ProviderError;
use futures::future::try_join_all;
use postgres_store::{Store, StoreError, StoredRecord};
use record_sync::SourceRecords;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::comparison::{Divergence, compare};
use crate::refetch::refetch;

/// After this number of rounds, a record that keeps changing is undecided.
const ROUNDS: usize = 4;
/// Rounds in which a record must differ.
const ENOUGH: u32 = 2;

pub(crate) struct Comparison<'a> {
    pub(crate) source: &'a SourceRecords,
    pub(crate) store: &'a Store,
    pub(crate) stop: &'a CancellationToken,
    /// Records a second. They are read at once, so that a source with batch reads needs few calls.
    pub(crate) rate: usize,
    pub(crate) grace: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) divergent: BTreeMap<String, Divergence>,
    pub(crate) moving: Vec<String>,
    pub(crate) unreadable: Vec<String>,
}

#[derive(Debug)]
pub(crate) enum Halt {
    Down(ProviderError),
    Store(StoreError),
    Stopped,
}

enum Doubt {
    Diverges(Divergence),
    Moved,
    Unreadable,
}

impl Comparison<'_> {
    pub(crate) async fn run(&self, ids: impl IntoIterator<Item = String>) -> Result<Found, Halt> {
        let mut found = Found::default();
        // With the number of rounds in which each differed.
        let mut open: BTreeMap<String, u32> = ids.into_iter().map(|id| (id, 0)).collect();
        // A record that differs once may have changed a moment ago, with its event still on the way, or a lagging replica may
        // have answered. So a record diverges only if it differs in two rounds with a pause between them.
        for round in 1..=ROUNDS {
            let ids: Vec<String> = open.keys().cloned().collect();
            let doubts = self.compare_all(&ids).await?;
            open.retain(|id, _| doubts.contains_key(id));
            for (id, doubt) in doubts {
                let differed = open.entry(id.clone()).or_default();
                match doubt {
                    Doubt::Moved => continue,
                    Doubt::Diverges(_) if *differed + 1 < ENOUGH => {
                        *differed += 1;
                        continue;
                    }
                    Doubt::Diverges(how) => drop(found.divergent.insert(id.clone(), how)),
                    Doubt::Unreadable => found.unreadable.push(id.clone()),
                }
                open.remove(&id);
            }
            if open.is_empty() || round == ROUNDS {
                break;
            }
            tracing::info!(
                source = self.source.name(),
                records = open.len(),
                "records differ, will be compared again"
            );
            self.unless_stopped(tokio::time::sleep(self.grace)).await?;
        }
        found.moving.extend(open.into_keys());
        Ok(found)
    }

    async fn compare_all(&self, ids: &[String]) -> Result<BTreeMap<String, Doubt>, Halt> {
        let mut doubts = BTreeMap::new();
        let mut turns = tokio::time::interval(Duration::from_secs(1));
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut compared = 0;
        for chunk in ids.chunks(self.rate) {
            self.unless_stopped(turns.tick()).await?;
            doubts.extend(self.unless_stopped(self.compare_batch(chunk)).await??);
            compared += chunk.len();
            tracing::info!(source = self.source.name(), compared, of = ids.len(), "records compared");
        }
        Ok(doubts)
    }

    async fn compare_batch(&self, ids: &[String]) -> Result<BTreeMap<String, Doubt>, Halt> {
        let before = self.stored(ids).await?;
        let answers =
            try_join_all(ids.iter().map(|id| refetch(self.source, id))).await.map_err(Halt::Down)?;
        let mut doubts = BTreeMap::new();
        for (id, answer) in ids.iter().zip(answers) {
            let doubt = match answer {
                None => Some(Doubt::Unreadable),
                Some(answer) => compare(before.get(id), &answer).map(Doubt::Diverges),
            };
            doubts.extend(doubt.map(|doubt| (id.clone(), doubt)));
        }
        if doubts.is_empty() {
            return Ok(doubts);
        }
        let differing: Vec<String> = doubts.keys().cloned().collect();
        let after = self.stored(&differing).await?;
        for (id, doubt) in &mut doubts {
            // A round in which the row was written does not count.
            if before.get(id) != after.get(id) {
                *doubt = Doubt::Moved;
            }
        }
        Ok(doubts)
    }

    async fn stored(&self, ids: &[String]) -> Result<HashMap<String, StoredRecord>, Halt> {
        let records = self.store.stored_records(self.source.name(), ids).await.map_err(Halt::Store)?;
        Ok(records.into_iter().map(|record| (record.external_id.clone(), record)).collect())
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Halt::Stopped),
            done = work => Ok(done),
        }
    }
}
