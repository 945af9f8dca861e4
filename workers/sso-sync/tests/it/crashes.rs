//! Kills the process between any two steps of a message.

use local_stack::wait_until;
use simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, Setup, World};

use crate::{UNIT, start};

const ADA: &str = "auth0|ada";
const SHORT: Setup = Setup { visibility_secs: 4, ..Setup::DEFAULT };

#[tokio::test]
async fn if_a_worker_is_killed_during_a_refetch_the_next_one_handles_the_message() {
    let world = World::start_with(SHORT.with_emulator()).await;
    let mut worker = start(&world, &[("sources.auth0.timeout_secs", "25")]).await;
    let gate = world.idp.hold(ADA);
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    gate.arrived(1).await;
    worker.process.kill().unwrap();
    worker.exit_code().await;
    gate.open();
    let _next = start(&world, &[]).await;
    world.person_where(ADA, |_| true).await;
    world.announcements(1).await;
    world.settled(UNIT).await;
}

#[tokio::test]
async fn if_a_worker_is_killed_before_the_announcement_the_next_one_announces() {
    let world = World::start_with(SHORT.with_emulator()).await;
    let mut worker = start(&world, &[]).await;
    let hold = world.proxy.hold("PutEvents");
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    world.person_where(ADA, |_| true).await;
    let called = async || Ok((world.proxy.calls("PutEvents") > 0).then_some(()));
    wait_until(PATIENCE, "the worker to call PutEvents", called).await.unwrap();
    worker.process.kill().unwrap();
    worker.exit_code().await;
    hold.lose();
    let _next = start(&world, &[]).await;
    let announced = world.announcements(1).await;
    let person = world.person(ADA).await.unwrap();
    assert!(announced.iter().all(|(_, event)| event.entity_id == person.person_id && event.revision == 1));
    world.settled(UNIT).await;
}

#[tokio::test]
async fn if_a_worker_is_killed_before_the_delete_the_redelivery_changes_nothing() {
    let world = World::start_with(SHORT.with_emulator()).await;
    let mut worker = start(&world, &[]).await;
    let hold = world.proxy.hold("DeleteMessageBatch");
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    world.announcements(1).await;
    let called = async || Ok((world.proxy.calls("DeleteMessageBatch") > 0).then_some(()));
    wait_until(PATIENCE, "the worker to call DeleteMessageBatch", called).await.unwrap();
    worker.process.kill().unwrap();
    worker.exit_code().await;
    hold.lose();
    let next = start(&world, &[]).await;
    let repeated =
        async || Ok((next.metric("coppice_messages_settled_total", "unchanged").await > 0.0).then_some(()));
    wait_until(PATIENCE, "the redelivery", repeated).await.unwrap();
    world.settled(UNIT).await;
    assert_eq!(world.announcements(1).await.len(), 1);
    assert_eq!(world.person(ADA).await.unwrap().revision, 1);
}
