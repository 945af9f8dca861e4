//! Sign-ins of users that the database does not have.

use event_contract::EventKind;
use simulators::auth0::SimulatedUser;
use testkit::World;

use crate::{BINARY, UNIT, counted, texts};

const ADA: &str = "auth0|ada";

#[tokio::test]
async fn the_worker_reads_an_unknown_user_once_and_announces_the_person_once() {
    let world = World::start().await;
    world.idp.put_user(SimulatedUser::new(ADA));
    let gate = world.idp.hold(ADA);
    for application in ["portal", "shop", "portal", "wiki", "shop"] {
        let body = world.idp.sign_in(ADA, application).to_envelope_json();
        world.enqueue(UNIT, &body).await;
    }
    let settings = [("sources.auth0.timeout_secs", "25")];
    let worker = world.start_worker(BINARY, UNIT, &settings).await;
    gate.arrived(1).await;
    let taken = async || {
        let received = worker.metric("coppice_messages_received_total", "").await;
        Ok((received >= 5.0).then_some(()))
    };
    local_stack::wait_until(testkit::PATIENCE, "the worker to receive all messages", taken).await.unwrap();
    gate.open();
    counted(&world, ADA, 5).await;
    world.settled(UNIT).await;
    assert_eq!(world.idp.requests_for(ADA), 1, "five sign-ins, one refetch");

    let announced = world.announcements(2).await;
    let persons: Vec<_> =
        announced.iter().filter(|(kind, _)| *kind == EventKind::PersonChanged).map(|(_, a)| a).collect();
    let person = world.person(ADA).await.unwrap();
    assert_eq!(persons.len(), 1);
    assert_eq!((persons[0].entity_id, persons[0].revision), (person.person_id, 1));

    let body = world.idp.sign_in(ADA, "portal").to_envelope_json();
    world.enqueue(UNIT, &body).await;
    counted(&world, ADA, 6).await;
    assert_eq!(world.idp.requests_for(ADA), 1, "the worker does not read a known user");
    world.settled(UNIT).await;
}

#[tokio::test]
async fn a_deleted_user_leaves_a_tombstone_and_its_sign_in_counts() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    // Another user, who is found: the provider does not answer 404 to everything.
    const BOB: &str = "auth0|bob";
    world.idp.put_user(SimulatedUser::new(BOB));
    world.deliver(&world.idp.sign_in(BOB, "portal")).await;
    counted(&world, BOB, 1).await;
    world.settled(UNIT).await;
    let before = world.announcements(2).await.len();
    world.idp.put_user(SimulatedUser::new(ADA));
    let event = world.idp.sign_in(ADA, "portal");
    world.idp.delete(ADA);
    world.deliver(&event).await;
    counted(&world, ADA, 1).await;
    let tombstones = "select external_id from source_record where gone_at is not null and record is null";
    assert_eq!(texts(&world, tombstones).await, [ADA]);
    assert_eq!(texts(&world, "select person_id::text from person_login").await.len(), 1, "Bob's");
    world.settled(UNIT).await;
    assert_eq!(world.announcements(before + 1).await.len(), before + 1);
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}
