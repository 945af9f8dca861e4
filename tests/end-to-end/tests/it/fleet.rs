//! The workers of one world, and a wait until they are idle.

use std::collections::BTreeMap;

use local_stack::wait_until;
use testkit::{AwsProxy, CrmPump, PATIENCE, Worker, World, unit_binary};

/// After this many further receives, at least two have begun and ended since the count.
const TWO_WHOLE_POLLS: usize = 4;

/// Running workers, and the delivery of the CRM's events.
pub(crate) struct Fleet<'a> {
    pub(crate) world: &'a World,
    pub(crate) pump: CrmPump,
    members: BTreeMap<&'static str, Member>,
}

struct Member {
    worker: Worker,
    /// A proxy of its own before AWS, which counts the polls of this worker alone.
    proxy: AwsProxy,
}

/// Counts of calls and events so far.
#[derive(Debug, PartialEq, Eq)]
struct Activity {
    crm_events: usize,
    crm_requests: usize,
    idp_requests: usize,
    verifier_requests: usize,
    published: usize,
}

impl<'a> Fleet<'a> {
    pub(crate) async fn start(
        world: &'a World,
        units: &[&'static str],
        settings: &[(&str, &str)],
    ) -> Fleet<'a> {
        let mut fleet = Fleet { world, pump: CrmPump::start(world), members: BTreeMap::new() };
        for unit in units {
            fleet.join(unit, settings).await;
        }
        fleet
    }

    /// Starts one more worker.
    /// `unit` may be one of its branches.
    pub(crate) async fn join(&mut self, unit: &'static str, settings: &[(&str, &str)]) {
        let is_of = |name: &&str| {
            unit.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let binary = fleet::names().find(is_of).unwrap();
        let proxy = self.world.proxy.another().await;
        let mut settings = settings.to_vec();
        settings.push(("AWS_ENDPOINT_URL", proxy.endpoint()));
        let worker = self.world.start_worker(unit_binary(binary), unit, &settings).await;
        self.members.insert(unit, Member { worker, proxy });
    }

    pub(crate) fn worker(&self, unit: &str) -> &Worker {
        &self.members[unit].worker
    }

    /// Whether any message or announcement that a worker received or sent contains the text.
    pub(crate) fn transcripts_contain(&self, text: &str) -> bool {
        self.members.values().any(|member| member.proxy.transcript_contains(text))
    }

    /// Waits until the fleet is idle. The queues and the outbox are empty, and during two whole polls of every worker there
    /// is no new call and no new event.
    pub(crate) async fn quiet(&self) {
        wait_until(PATIENCE, "the fleet to be idle", async || {
            if !self.all_is_done().await? {
                return Ok(None);
            }
            let before = self.activity();
            self.two_whole_polls().await?;
            Ok((self.all_is_done().await? && before == self.activity()).then_some(()))
        })
        .await
        .unwrap();
    }

    async fn all_is_done(&self) -> anyhow::Result<bool> {
        for unit in self.members.keys() {
            if self.world.queue_depth(unit).await != (0, 0) {
                return Ok(false);
            }
        }
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from outbox").fetch_one(&self.world.pool).await?;
        Ok(waiting == 0)
    }

    fn activity(&self) -> Activity {
        let world = self.world;
        Activity {
            crm_events: self.pump.delivered(),
            crm_requests: world.crm.total_requests(),
            idp_requests: world.idp.total_requests(),
            verifier_requests: world.verifier.total_requests(),
            published: self.members.values().map(|member| member.proxy.calls("PutEvents")).sum(),
        }
    }

    async fn two_whole_polls(&self) -> anyhow::Result<()> {
        let polls = |member: &Member| member.proxy.calls("ReceiveMessage");
        let wanted: Vec<usize> =
            self.members.values().map(|member| polls(member) + TWO_WHOLE_POLLS).collect();
        wait_until(PATIENCE, "two polls of every worker", async || {
            let polled = self.members.values().zip(&wanted).all(|(member, wanted)| polls(member) >= *wanted);
            Ok(polled.then_some(()))
        })
        .await
    }
}
