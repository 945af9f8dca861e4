//! Personal values stay where they belong: at the provider and in the database.

use simulators::auth0::{Fault, SimulatedUser};
use testkit::World;

use crate::{UNIT, known_user, start};

const ADA: &str = "auth0|ada";

#[tokio::test]
async fn no_personal_value_is_in_any_queue_event_log_line_or_metric() {
    let world = World::start_with_emulator().await;
    let worker = start(&world, &[("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1")]).await;
    // A user's whole life, and every kind of failure.
    known_user(&world, ADA).await;
    let personal = world.idp.user(ADA).unwrap().personal_values();
    assert!(personal.len() >= 5);
    let stored = world.person(ADA).await.unwrap().email.unwrap();
    assert!(personal.contains(&stored), "the marked values are the real ones");
    world.idp.set_status("auth0|bob", Some(500));
    let bob = world.idp.put_user(SimulatedUser::new("auth0|bob"));
    world.deliver(&bob.stream_event()).await;
    world.dead_letters(UNIT, 1).await;
    world.idp.set_fault(Fault::WrongJson);
    world.deliver(&world.idp.block(ADA).log_event()).await;
    let open = async || Ok((worker.metric("coppice_breaker_open", "auth0").await > 0.0).then_some(()));
    local_stack::wait_until(testkit::PATIENCE, "the breaker to open", open).await.unwrap();
    world.idp.set_fault(Fault::None);
    world.person_where(ADA, |person| person.status == "blocked").await;
    let deleted = world.idp.delete(ADA);
    world.deliver(&deleted.stream_event()).await;
    world.person_where(ADA, |person| person.status == "deleted").await;
    world.settled(UNIT).await;

    // Check the messages so far before the worker gets a body that no rule has stripped.
    for value in personal.iter().chain(&bob.user.personal_values()) {
        assert!(!world.proxy.transcript_contains(value), "{value} was in a message or an announcement");
    }
    let handled = worker.metric("coppice_messages_settled_total", "unchanged").await;
    world.enqueue(UNIT, &deleted.stream_event().to_envelope_json()).await;
    let seen = async || {
        Ok((worker.metric("coppice_messages_settled_total", "unchanged").await > handled).then_some(()))
    };
    local_stack::wait_until(testkit::PATIENCE, "the full body to be handled", seen).await.unwrap();

    let metrics = worker.get("metrics").await.unwrap().1;
    let log = worker.log();
    let messages = world.dead_letters(UNIT, 1).await;
    assert!(log.contains("dead-lettered") && metrics.contains("coppice_messages_received_total"));
    assert!(world.proxy.transcript_contains("auth0|ada"), "IDs are in messages");
    for value in personal.iter().chain(&bob.user.personal_values()) {
        assert!(!log.contains(value.as_str()), "{value} is in the log");
        assert!(!metrics.contains(value.as_str()), "{value} is in a metric");
        assert!(messages.iter().all(|message| !format!("{message:?}").contains(value.as_str())));
    }
    for secret in [world.idp.client_secret(), "coppice:coppice"] {
        assert!(!log.contains(secret) && !metrics.contains(secret));
    }
}
