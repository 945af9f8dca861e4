//! Duplicates, bursts and races, which SQS and EventBridge cause every day.

use simulators::auth0::SimulatedUser;
use sqlx::Row;
use testkit::{PATIENCE, Setup, World};

use crate::{UNIT, email, known_user, start};

const ADA: &str = "auth0|ada";

/// The physical version of every row, which any write changes.
async fn row_versions(world: &World) -> Vec<String> {
    let rows = sqlx::query(
        "select 'person' || xmin::text || ctid::text from person union all \
         select 'record' || xmin::text || ctid::text from source_record union all \
         select 'identity' || xmin::text || ctid::text from identity order by 1",
    );
    rows.fetch_all(&world.pool).await.unwrap().into_iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_repeated_message_causes_one_write_and_one_announcement() {
    let world = World::start().await;
    let worker = start(&world, &[]).await;
    let created = world.idp.put_user(SimulatedUser::new(ADA));
    let body = created.stream_event().to_envelope_json();
    world.enqueue(UNIT, &body).await;
    world.person_where(ADA, |_| true).await;
    world.announcements(1).await;
    world.settled(UNIT).await;
    let before = row_versions(&world).await;

    world.enqueue(UNIT, &body).await;
    let repeated = async || {
        Ok((worker.metric("coppice_messages_settled_total", "unchanged").await >= 1.0).then_some(()))
    };
    local_stack::wait_until(PATIENCE, "the repeated message", repeated).await.unwrap();
    world.settled(UNIT).await;
    assert_eq!(row_versions(&world).await, before, "no row was written");
    assert_eq!(world.announcements(1).await.len(), 1);
}

#[tokio::test]
async fn ten_messages_about_one_person_coalesce_into_one_refetch_and_one_event() {
    let world = World::start().await;
    let created = world.idp.put_user(SimulatedUser::new(ADA));
    for _ in 0..10 {
        world.enqueue(UNIT, &created.stream_event().to_envelope_json()).await;
    }
    let worker = start(&world, &[]).await;
    world.person_where(ADA, |_| true).await;
    world.settled(UNIT).await;
    assert_eq!(world.idp.requests_for(ADA), 1);
    assert_eq!(world.announcements(1).await.len(), 1);
    assert_eq!(worker.metric("coppice_messages_coalesced_total", "").await, 9.0);
}

#[tokio::test]
async fn if_two_refetches_finish_in_reverse_order_the_newer_answer_stays() {
    let world = World::start_with_emulator().await;
    let line = world.proxy.another().await;
    let settings = [("AWS_ENDPOINT_URL", line.endpoint()), ("sources.auth0.timeout_secs", "25")];
    let slow = start(&world, &settings).await;
    known_user(&world, ADA).await;
    let gate = world.idp.hold(ADA);
    world.deliver(&world.idp.update(ADA, email("ada.older@example.org")).stream_event()).await;
    gate.arrived(1).await;
    // The slow pod receives no further message, so the second event goes to the other pod. When the proxy holds the next
    // receive, the previous one has ended.
    let _deaf = line.hold("ReceiveMessage");
    let calls = line.calls("ReceiveMessage");
    let held = async || Ok((line.calls("ReceiveMessage") > calls).then_some(()));
    local_stack::wait_until(PATIENCE, "the slow pod's next receive", held).await.unwrap();
    let _other = start(&world, &[("sources.auth0.timeout_secs", "25")]).await;
    world.deliver(&world.idp.update(ADA, email("ada.newer@example.org")).stream_event()).await;
    gate.arrived(2).await;

    gate.release(1);
    world.person_where(ADA, |person| person.email.as_deref() == Some("ada.newer@example.org")).await;
    gate.release(0);
    world.settled(UNIT).await;
    assert_eq!(world.person(ADA).await.unwrap().email.as_deref(), Some("ada.newer@example.org"));
    assert_eq!(
        slow.metric("coppice_messages_settled_total", "unchanged").await,
        1.0,
        "the older answer arrived last"
    );
    assert_eq!(world.announcements(2).await.len(), 2);
}

#[tokio::test]
async fn a_message_stays_with_one_pod_although_sqs_throttles_visibility_extensions() {
    let world = World::start_with(Setup { visibility_secs: 3, ..Setup::DEFAULT }.with_emulator()).await;
    let _worker = start(&world, &[("sources.auth0.timeout_secs", "25")]).await;
    world.proxy.throttle("ChangeMessageVisibilityBatch", 1);
    let gate = world.idp.hold(ADA);
    world.deliver(&world.idp.put_user(SimulatedUser::new(ADA)).stream_event()).await;
    gate.arrived(1).await;
    // One extension a second: after eight, the message has been in flight for more than two visibility timeouts.
    let extended = async || Ok((world.proxy.calls("ChangeMessageVisibilityBatch") >= 8).then_some(()));
    local_stack::wait_until(PATIENCE, "eight visibility extensions", extended).await.unwrap();
    gate.open();
    world.person_where(ADA, |_| true).await;
    world.settled(UNIT).await;
    assert_eq!(world.idp.requests_for(ADA), 1, "no other pod received it");
}
