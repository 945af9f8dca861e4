//! The database, the process and the handler end at the worst moments.

use std::path::Path;

use local_stack::wait_until;
use testkit::simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, Setup, World};

use crate::{BINARY, UNIT, known_user, start};

const ADA: &str = "auth0|ada";
const SHORT: Setup = Setup { visibility_secs: 4, max_receive_count: 50 };

#[tokio::test]
async fn a_database_that_restarts_in_mid_batch_loses_nothing() {
    let mut world = World::start_with(SHORT).await;
    let _worker = start(&world, &[("COPPICE_SSO_TIMEOUT_SECS", "25")]).await;
    let ids: Vec<String> = (0..10).map(|number| format!("auth0|user{number}")).collect();
    let gate = world.idp.hold(&ids[0]);
    for id in &ids {
        world.deliver(&world.idp.put_user(SimulatedUser::new(id)).stream_event()).await;
    }
    gate.arrived(1).await;
    world.postgres.stop_immediately();
    gate.open();
    wait_until(PATIENCE, "the worker to fail", async || Ok(_worker.log().contains("ledger").then_some(())))
        .await
        .unwrap();
    world.postgres.start_again().await.unwrap();
    for id in &ids {
        world.person_where(id, |_| true).await;
    }
    world.settled(UNIT).await;
    world.announcements(10).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn killed_in_mid_refetch_the_message_is_handled_by_the_next() {
    let world = World::start_with(SHORT).await;
    let mut worker = start(&world, &[("COPPICE_SSO_TIMEOUT_SECS", "25")]).await;
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
async fn killed_between_commit_and_announcement_it_is_announced_by_the_next() {
    let world = World::start_with(SHORT).await;
    let mut worker = start(&world, &[]).await;
    let hold = world.proxy.hold("PutEvents");
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    world.person_where(ADA, |_| true).await;
    let called = async || Ok((world.proxy.calls("PutEvents") > 0).then_some(()));
    wait_until(PATIENCE, "the announcement to be under way", called).await.unwrap();
    worker.process.kill().unwrap();
    worker.exit_code().await;
    hold.release();
    let _next = start(&world, &[]).await;
    let announced = world.announcements(1).await;
    let person = world.person(ADA).await.unwrap();
    assert!(announced.iter().all(|(_, event)| event.entity_id == person.person_id && event.revision == 1));
    world.settled(UNIT).await;
}

#[tokio::test]
async fn killed_between_announcement_and_delete_the_redelivery_changes_nothing() {
    let world = World::start_with(SHORT).await;
    let mut worker = start(&world, &[]).await;
    let hold = world.proxy.hold("DeleteMessageBatch");
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    world.announcements(1).await;
    let called = async || Ok((world.proxy.calls("DeleteMessageBatch") > 0).then_some(()));
    wait_until(PATIENCE, "the delete to be under way", called).await.unwrap();
    worker.process.kill().unwrap();
    worker.exit_code().await;
    hold.release();
    let next = start(&world, &[]).await;
    let repeated =
        async || Ok((next.metric("coppice_messages_settled_total", "unchanged").await > 0.0).then_some(()));
    wait_until(PATIENCE, "the redelivery", repeated).await.unwrap();
    world.settled(UNIT).await;
    assert_eq!(world.announcements(1).await.len(), 1);
    assert_eq!(world.person(ADA).await.unwrap().revision, 1);
}

#[tokio::test]
async fn told_to_stop_in_mid_message_it_finishes_that_and_gives_the_rest_back_at_once() {
    // A visibility timeout that the test would not survive: what is visible was given back.
    let world = World::start_with(Setup { visibility_secs: 600, max_receive_count: 50 }).await;
    let ids: Vec<String> = (0..3).map(|number| format!("auth0|user{number}")).collect();
    let gates: Vec<_> = ids.iter().map(|id| world.idp.hold(id)).collect();
    for id in &ids {
        world.deliver(&world.idp.put_user(SimulatedUser::new(id)).stream_event()).await;
    }
    let mut worker =
        start(&world, &[("COPPICE_MAX_REFETCHES", "1"), ("COPPICE_SSO_TIMEOUT_SECS", "25")]).await;
    let arrived = async || Ok(ids.iter().position(|id| world.idp.requests_for(id) > 0));
    let begun = wait_until(PATIENCE, "the first refetch", arrived).await.unwrap();
    worker.process.terminate().unwrap();
    let visible = async || Ok((world.queue_depth(UNIT).await.0 == 2).then_some(()));
    wait_until(PATIENCE, "the other two to be given back", visible).await.unwrap();
    gates.iter().for_each(|gate| gate.open());
    assert_eq!(worker.exit_code().await, Some(0), "{}", worker.log());
    assert!(world.person(&ids[begun]).await.is_some(), "what was begun is finished");
    assert_eq!(world.queue_depth(UNIT).await, (2, 0), "and the rest is there for the next");
    world.announcements(1).await;
}

#[tokio::test]
async fn a_panic_in_the_handler_costs_that_message_and_not_the_process() {
    let world = World::start().await;
    // The same worker, whose refetch of one user panics: an example, so that the deployed binary has no such switch.
    let panicking = Path::new(BINARY).with_file_name("examples").join("panicking-sso-sync");
    let binary = panicking.to_str().unwrap();
    let worker = world.start_worker(binary, UNIT, &[("COPPICE_MAX_ATTEMPTS", "2")]).await;
    world.deliver(&world.idp.put_user(SimulatedUser::new("auth0|panic")).stream_event()).await;
    known_user(&world, ADA).await;
    let letter = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(letter.attributes["coppice.class"], "panic");
    assert_eq!(letter.attributes["coppice.attempts"], "2");
    assert!(worker.get("livez").await.is_some());
    assert!(!worker.log().contains("marked words of a panic"), "a panic's message may quote data");
}
