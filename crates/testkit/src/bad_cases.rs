//! The bad cases that the real binary of every worker is tested with. In: a [`Case`], which says how records change at the
//! worker's provider and which result must follow. A worker's tests name the suite once: `testkit::bad_cases!(TheCase);`.

use std::path::Path;
use std::time::Duration;

use local_stack::wait_until;

use crate::{DeadLettered, PATIENCE, Setup, Worker, World};
use simulators::{Control, Gate, Recorded};

/// A fault of a case's provider.
pub type FaultOf<C> = <<C as Case>::Provider as Recorded>::Fault;

/// One worker and its provider.
#[expect(async_fn_in_trait, reason = "tests run on one thread")]
pub trait Case {
    /// The state of its simulator.
    type Provider: Recorded;
    /// The fault that answers every request with a 5xx.
    const DOWN: FaultOf<Self>;
    /// The fault that answers every request after [`TOO_LATE`].
    const SLOW: FaultOf<Self>;
    /// The fault that refuses every request because a limit is reached.
    const LIMITED: FaultOf<Self>;
    /// The unit.
    const UNIT: &'static str;
    /// Its binary; beside it, in `examples`, `panicking-<unit>`.
    const BINARY: &'static str;
    /// The breaker's key.
    const UPSTREAM: &'static str;
    /// Setting of the provider's time-out, in seconds.
    const TIMEOUT: &'static str;
    /// The worker's world, before a case changes it.
    const SETUP: Setup = Setup::DEFAULT;
    /// The settings of a worker whose source is not one of the world's own three.
    fn settings(_world: &World) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// ID of the record with this number.
    fn id(number: usize) -> String;
    /// Creates what the worker needs before it can do its work.
    async fn prepare(_world: &World) {}
    /// Creates or changes a record so that it shows `version`, and returns the body of the message about it, as in the queue.
    async fn change(world: &World, id: &str, version: usize) -> String;
    /// Deletes the record, and returns the body of a message about the change *before* that.
    async fn vanish(world: &World, id: &str) -> String;
    /// The version that has arrived where the worker writes. `None`: no version.
    async fn arrived(world: &World, id: &str) -> Option<usize>;
    /// The worker's provider.
    fn provider(world: &World) -> &Control<Self::Provider>;
}

async fn world_of<C: Case>(setup: Setup) -> World {
    let world = World::start_with(setup).await;
    C::prepare(&world).await;
    world
}

async fn start<C: Case>(world: &World, binary: &str, settings: &[(&str, &str)]) -> Worker {
    let own = C::settings(world);
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    let settings: Vec<(&str, &str)> = own.chain(settings.iter().copied()).collect();
    world.start_worker(binary, C::UNIT, &settings).await
}

async fn begin<C: Case>(setup: Setup, settings: &[(&str, &str)]) -> (World, Worker) {
    let world = world_of::<C>(setup).await;
    let worker = start::<C>(&world, C::BINARY, settings).await;
    (world, worker)
}

const fn short<C: Case>() -> Setup {
    Setup { visibility_secs: 4, ..C::SETUP }
}

async fn send<C: Case>(world: &World, id: &str, version: usize) -> String {
    let body = C::change(world, id, version).await;
    world.enqueue(C::UNIT, &body).await;
    body
}

async fn arrives<C: Case>(world: &World, id: &str, version: usize) {
    let there = async || Ok((C::arrived(world, id).await == Some(version)).then_some(()));
    wait_until(PATIENCE, "the change to arrive", there).await.expect("the change arrives");
}

async fn settled_as(worker: &Worker, outcome: &str, at_least: f64) {
    let settled = async || {
        let count = worker.metric("coppice_messages_settled_total", outcome).await;
        Ok((count >= at_least).then_some(()))
    };
    wait_until(PATIENCE, outcome, settled).await.unwrap_or_else(|_| panic!("{outcome}:\n{}", worker.log()));
}

async fn breaker_opens<C: Case>(worker: &Worker) {
    let open = async || Ok((worker.metric("coppice_breaker_open", C::UPSTREAM).await > 0.0).then_some(()));
    wait_until(PATIENCE, "the breaker to open", open).await.expect("the breaker opens");
}

async fn counted_failures(world: &World) -> i64 {
    let count = sqlx::query_scalar("select count(*) from message_failure").fetch_one(&world.pool);
    count.await.expect("the database answers")
}

/// A fault for all records costs no attempt. When it ends, every change arrives.
async fn passes<C: Case>(fault: FaultOf<C>) {
    let (world, worker) =
        begin::<C>(Setup { visibility_secs: 2, max_receive_count: 6, ..C::SETUP }, &[]).await;
    C::provider(&world).set_fault(fault);
    let ids: Vec<String> = (0..5).map(C::id).collect();
    for id in &ids {
        send::<C>(&world, id, 1).await;
    }
    breaker_opens::<C>(&worker).await;
    worker.has_nothing_in_flight().await;
    // Every request has an answer now, so a failure would have been counted.
    assert_eq!(counted_failures(&world).await, 0, "an outage counts no attempt");
    C::provider(&world).set_fault(FaultOf::<C>::default());
    for id in &ids {
        arrives::<C>(&world, id, 1).await;
    }
    world.settled(C::UNIT).await;
    assert_eq!(world.dead_letters(C::UNIT, 0).await.len(), 0);
}

/// A duplicate writes nothing and announces nothing.
pub async fn the_same_message_twice_changes_nothing_more<C: Case>() {
    let (world, worker) = begin::<C>(C::SETUP, &[]).await;
    let id = C::id(0);
    let body = send::<C>(&world, &id, 1).await;
    arrives::<C>(&world, &id, 1).await;
    world.settled(C::UNIT).await;
    let announced = world.announcements(0).await.len();
    world.enqueue(C::UNIT, &body).await;
    settled_as(&worker, "unchanged", 1.0).await;
    world.settled(C::UNIT).await;
    assert_eq!(world.announcements(announced).await.len(), announced);
}

/// The older message comes last, and the newest content stays.
pub async fn messages_out_of_order_end_at_the_newest<C: Case>() {
    let (world, _worker) = begin::<C>(C::SETUP, &[]).await;
    let id = C::id(0);
    let mut bodies = Vec::new();
    for version in 1..4 {
        bodies.push(C::change(&world, &id, version).await);
    }
    for body in bodies.iter().rev() {
        world.enqueue(C::UNIT, body).await;
    }
    arrives::<C>(&world, &id, 3).await;
    world.settled(C::UNIT).await;
    assert_eq!(C::arrived(&world, &id).await, Some(3));
}

/// A record was created and deleted within seconds.
pub async fn a_record_that_is_missing_is_no_failure<C: Case>() {
    let (world, _worker) = begin::<C>(short::<C>(), &[]).await;
    let id = C::id(0);
    C::change(&world, &id, 1).await;
    let body = C::vanish(&world, &id).await;
    world.enqueue(C::UNIT, &body).await;
    world.settled(C::UNIT).await;
    assert_eq!(C::arrived(&world, &id).await, None);
    assert_eq!(world.dead_letters(C::UNIT, 0).await.len(), 0);
    assert_eq!(counted_failures(&world).await, 0);
}

/// The provider's limit is not a failure of a record.
pub async fn a_limit_pauses_and_costs_no_attempt<C: Case>() {
    passes::<C>(C::LIMITED).await;
}

/// 5xx.
pub async fn an_outage_costs_no_message<C: Case>() {
    passes::<C>(C::DOWN).await;
}

/// Answers that come too late.
pub async fn an_answer_that_comes_too_late_is_an_outage<C: Case>() {
    passes::<C>(C::SLOW).await;
}

/// The message that is dead-lettered while another record changes again and again: that one is the witness.
async fn condemned_beside<C: Case>(world: &World, sound: &str) -> DeadLettered {
    for version in 1.. {
        send::<C>(world, sound, version).await;
        arrives::<C>(world, sound, version).await;
        if let Some(message) = world.dead_letters(C::UNIT, 0).await.pop() {
            assert!(message.attributes["coppice.attempts"].parse::<u32>().expect("a number") >= 2);
            assert!(message.attributes["coppice.detail"].contains("went the same way"));
            return message;
        }
    }
    unreachable!("the versions have no end")
}

/// One record fails while the provider answers its probe.
pub async fn one_record_that_fails_is_dead_lettered_alone<C: Case>() {
    let (world, _worker) = begin::<C>(C::SETUP, &[("COPPICE_MAX_ATTEMPTS", "2")]).await;
    let (broken, sound) = (C::id(0), C::id(1));
    C::provider(&world).set_status(&broken, Some(500));
    send::<C>(&world, &broken, 1).await;
    let message = condemned_beside::<C>(&world, &sound).await;
    assert_eq!(message.attributes["coppice.class"], "server_error");
    assert_eq!(message.attributes["coppice.worker"], C::UNIT);
    world.settled(C::UNIT).await;
}

/// The database restarts while refetches are under way.
pub async fn a_database_that_is_lost_half_way_loses_nothing<C: Case>() {
    // A long time-out, so that the held request waits until the database is down.
    let (mut world, worker) =
        begin::<C>(short::<C>().with_own_database_server(), &[(C::TIMEOUT, "25")]).await;
    let ids: Vec<String> = (0..5).map(C::id).collect();
    let gate = C::provider(&world).hold(&ids[0]);
    for id in &ids {
        send::<C>(&world, id, 1).await;
    }
    gate.arrived(1).await;
    world.database.server().stop_immediately();
    gate.open();
    let noticed = async || Ok(worker.log().contains("ledger").then_some(()));
    wait_until(PATIENCE, "the worker to notice the outage", noticed).await.expect("the worker notices");
    world.database.server().start_again().await.expect("the database starts again");
    for id in &ids {
        arrives::<C>(&world, id, 1).await;
    }
    world.settled(C::UNIT).await;
    assert_eq!(world.dead_letters(C::UNIT, 0).await.len(), 0);
}

/// A message that can never be read.
pub async fn poison_is_dead_lettered_on_the_first_receive<C: Case>() {
    let (world, worker) = begin::<C>(C::SETUP, &[]).await;
    let poison = r#"{"detail-type": "mara.quill@example.org"#;
    world.enqueue(C::UNIT, poison).await;
    let foreign = r#"{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"elsewhere",
        "time":"2026-11-20T15:10:42Z","detail":{}}"#;
    world.enqueue(C::UNIT, foreign).await;
    let messages = world.dead_letters(C::UNIT, 2).await;
    assert!(messages.iter().any(|message| message.body == poison), "the body is unchanged");
    for message in &messages {
        assert_eq!(message.attributes["coppice.class"], "unreadable");
        assert_eq!(message.attributes["coppice.receive_count"], "1");
    }
    assert!(!worker.log().contains("mara.quill"));
    world.settled(C::UNIT).await;
}

/// SIGTERM arrives while one message is worked on. The others cannot be finished in time.
pub async fn stopped_in_mid_message_it_finishes_and_releases_the_rest<C: Case>() {
    // The visibility timeout is longer than the test. So a visible message was released.
    let world = world_of::<C>(Setup { visibility_secs: 600, ..C::SETUP }).await;
    let ids: Vec<String> = (0..3).map(C::id).collect();
    let gates: Vec<Gate> = ids.iter().map(|id| C::provider(&world).hold(id)).collect();
    for id in &ids {
        send::<C>(&world, id, 1).await;
    }
    // A long time-out, so that the held request waits for the signal.
    let settings = [("COPPICE_MAX_REFETCHES", "1"), (C::TIMEOUT, "25"), ("COPPICE_DRAIN_LIMIT_SECS", "13")];
    let mut worker = start::<C>(&world, C::BINARY, &settings).await;
    let received = async || Ok((world.queue_depth(C::UNIT).await == (0, 3)).then_some(()));
    wait_until(PATIENCE, "all to be received", received).await.expect("all are received");
    let arrived = async || Ok(ids.iter().position(|id| C::provider(&world).requests_for(id) > 0));
    let begun = wait_until(PATIENCE, "the first refetch", arrived).await.expect("a refetch begins");
    worker.process.terminate().expect("it can be signalled");
    let stopping = async || Ok(worker.log().contains("stopping: ").then_some(()));
    wait_until(PATIENCE, "the worker to notice the signal", stopping).await.expect("it notices");
    gates[begun].open();
    assert_eq!(worker.exit_code().await, Some(0), "{}", worker.log());
    assert_eq!(C::arrived(&world, &ids[begun]).await, Some(1), "the refetch that had begun is finished");
    assert_eq!(world.queue_depth(C::UNIT).await, (2, 0), "the other messages are visible again");
}

/// The handler panics at one record.
pub async fn a_panic_costs_that_message_and_not_the_process<C: Case>() {
    let world = world_of::<C>(C::SETUP).await;
    // An example has this handler, so that the deployed binary has no such switch.
    let panicking = Path::new(C::BINARY).with_file_name("examples").join(format!("panicking-{}", C::UNIT));
    let binary = panicking.to_str().expect("a path that is text");
    let marked = C::id(PANICKING);
    let settings = [("COPPICE_MAX_ATTEMPTS", "2"), ("COPPICE_TEST_PANIC_AT", marked.as_str())];
    let worker = start::<C>(&world, binary, &settings).await;
    send::<C>(&world, &marked, 1).await;
    let message = condemned_beside::<C>(&world, &C::id(0)).await;
    assert_eq!(message.attributes["coppice.class"], "panic");
    assert!(worker.get("livez").await.is_some());
    assert!(!worker.log().contains("marked words of a panic"), "a panic's message may quote data");
}

/// Number of the record at which `panicking-<unit>` panics.
pub const PANICKING: usize = 666;

/// Longer than the time-out of each worker in these tests, and shorter than a test's limit.
pub const TOO_LATE: Duration = Duration::from_secs(5);

/// Names the suite for a worker.
#[macro_export]
macro_rules! bad_cases {
    ($case:ty) => {
        $crate::bad_cases!($case:
            the_same_message_twice_changes_nothing_more,
            messages_out_of_order_end_at_the_newest,
            a_record_that_is_missing_is_no_failure,
            a_limit_pauses_and_costs_no_attempt,
            an_outage_costs_no_message,
            an_answer_that_comes_too_late_is_an_outage,
            one_record_that_fails_is_dead_lettered_alone,
            a_database_that_is_lost_half_way_loses_nothing,
            poison_is_dead_lettered_on_the_first_receive,
            stopped_in_mid_message_it_finishes_and_releases_the_rest,
            a_panic_costs_that_message_and_not_the_process,
        );
    };
    ($case:ty: $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::bad_cases::$name::<$case>().await;
            }
        )+
    };
}
