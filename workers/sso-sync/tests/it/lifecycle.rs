//! A user's life at the provider, and its effects on the person.

use event_contract::EventKind;
use simulators::auth0::{Fault, SimulatedUser};
use testkit::World;

use crate::{UNIT, email, known_user, start};

const ADA: &str = "auth0|ada";

#[tokio::test]
async fn the_person_follows_its_user_and_the_worker_announces_each_change_once() {
    let world = World::start_with_emulator().await;
    let _worker = start(&world, &[]).await;
    known_user(&world, ADA).await;
    let created = world.person(ADA).await.unwrap();
    assert_eq!((created.status.as_str(), created.revision), ("active", 1));
    let identities: i64 = sqlx::query_scalar("select count(*) from identity where person_id = $1")
        .bind(created.person_id)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(identities, 1);

    let changed = world.idp.update(ADA, email("ada.new@example.org"));
    world.deliver(&changed.stream_event()).await;
    world.person_where(ADA, |person| person.email.as_deref() == Some("ada.new@example.org")).await;

    let blocked = world.idp.block(ADA);
    world.deliver(&blocked.log_event()).await;
    world.person_where(ADA, |person| person.status == "blocked").await;

    let deleted = world.idp.delete(ADA);
    world.deliver(&deleted.stream_event()).await;
    let gone = world.person_where(ADA, |person| person.status == "deleted").await;
    assert_eq!(
        (gone.email, gone.given_name, gone.revision),
        (None, None, 4),
        "a tombstone holds nothing personal"
    );

    let announced = world.announcements(4).await;
    let revisions: Vec<i64> = announced.iter().map(|(_, announcement)| announcement.revision).collect();
    assert_eq!(revisions, [1, 2, 3, 4]);
    assert!(announced.iter().all(|(kind, event)| *kind == EventKind::PersonChanged
        && event.entity_id == created.person_id
        && event.hop.get() == 1));
}

/// The file alone adds the field: `type`, `from`, and where the user has it.
#[tokio::test]
async fn a_field_that_the_file_maps_is_in_the_profile() {
    let world = World::start_with_emulator().await;
    let _worker = start(
        &world,
        &[
            ("fields.preferred_language.type", "text"),
            ("fields.preferred_language.from", "[\"auth0\"]"),
            ("sources.auth0.map.preferred_language", "/user_metadata/lang"),
        ],
    )
    .await;
    known_user(&world, ADA).await;
    let profile: serde_json::Value = sqlx::query_scalar(
        "select profile from person join source_record using (person_id) where external_id = $1",
    )
    .bind(ADA)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(profile["preferred_language"], "en", "{profile}");
    assert_eq!(world.announcements(1).await.len(), 1);
}

#[tokio::test]
async fn a_late_event_cannot_revive_a_deleted_user_even_if_a_replica_still_has_it() {
    let world = World::start_with_emulator().await;
    let worker = start(&world, &[]).await;
    known_user(&world, ADA).await;
    let late = world.idp.update(ADA, email("ada.late@example.org"));
    let deleted = world.idp.delete(ADA);
    world.deliver(&deleted.stream_event()).await;
    world.person_where(ADA, |person| person.status == "deleted").await;

    world.idp.set_fault(Fault::Stale);
    world.deliver(&late.stream_event()).await;
    let settled =
        async || Ok((worker.metric("coppice_messages_settled_total", "unchanged").await > 0.0).then_some(()));
    local_stack::wait_until(testkit::PATIENCE, "the late event to be handled", settled).await.unwrap();
    world.settled(UNIT).await;
    assert_eq!(world.person(ADA).await.unwrap().status, "deleted");
    assert_eq!(world.announcements(2).await.len(), 2);
}

#[tokio::test]
async fn the_worker_reads_again_if_an_answer_is_older_than_its_event() {
    let world = World::start_with_emulator().await;
    let _worker = start(&world, &[]).await;
    known_user(&world, ADA).await;
    let changed = world.idp.update(ADA, email("ada.fresh@example.org"));
    world.idp.set_fault(Fault::Stale);
    world.deliver(&changed.stream_event()).await;
    let stale = async || Ok((world.idp.requests_for(ADA) >= 2).then_some(()));
    local_stack::wait_until(testkit::PATIENCE, "the stale answer", stale).await.unwrap();
    world.idp.set_fault(Fault::None);
    world.person_where(ADA, |person| person.email.as_deref() == Some("ada.fresh@example.org")).await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn a_lagging_replica_does_not_hide_a_deletion() {
    let world = World::start_with_emulator().await;
    let _worker = start(&world, &[]).await;
    known_user(&world, ADA).await;
    let requests = world.idp.requests_for(ADA);
    world.idp.set_fault(Fault::Stale);
    world.deliver(&world.idp.delete(ADA).stream_event()).await;
    let stale = async || Ok((world.idp.requests_for(ADA) > requests).then_some(()));
    local_stack::wait_until(testkit::PATIENCE, "the stale answer", stale).await.unwrap();
    world.idp.set_fault(Fault::None);
    world.person_where(ADA, |person| person.status == "deleted").await;
    world.settled(UNIT).await;
}

#[tokio::test]
async fn the_worker_looks_repeatedly_for_a_missing_user_and_then_stores_it_as_gone() {
    let world = World::start_with_emulator().await;
    let _worker = start(&world, &[]).await;
    let created = world.idp.put_user(SimulatedUser::new(ADA));
    world.idp.delete(ADA);
    world.deliver(&created.stream_event()).await;
    let looked = async || Ok((world.idp.requests_for(ADA) >= 3).then_some(()));
    local_stack::wait_until(testkit::PATIENCE, "three requests", looked).await.unwrap();
    world.settled(UNIT).await;
    assert!(world.person(ADA).await.is_none());
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0, "a missing record is no failure");
}
