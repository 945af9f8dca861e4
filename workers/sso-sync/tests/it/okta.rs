//! The same worker with Okta: it receives native events of the log stream, and reads the Users API.

use std::time::Duration;

use event_contract::EventKind;
use local_stack::wait_until;
use provider_http::TestKey;
use simulators::okta::{ADMINISTRATOR, Change, Fault, OktaSimulator, ServiceApp, SimulatedUser};
use testkit::{OKTA, PATIENCE, PersonRow, Setup, Worker, World, okta_settings};

use crate::outages::{breaker_opens, counted_failures, open_for_secs, pause_of_the_fleet};
use crate::{UNIT, start};

const SIGNE: &str = "00u1signe";

/// An organization, and a worker that calls it with an API token.
async fn organization(world: &World, more: &[(&str, &str)]) -> (OktaSimulator, Worker) {
    let org = OktaSimulator::start().await;
    let url = org.base_url();
    let worker = start(world, &[&okta_settings(&url, org.api_token())[..], more].concat()).await;
    (org, worker)
}

/// Sends the organization's event about a change through the partner bus and the rules.
async fn deliver(world: &World, change: &Change) {
    world.deliver(&change.log_event()).await;
}

async fn is(world: &World, status: &str) -> PersonRow {
    world.person_where(SIGNE, |person| person.status == status).await
}

async fn is_called(world: &World, given_name: &str) {
    world.person_where(SIGNE, |person| person.given_name.as_deref() == Some(given_name)).await;
}

/// Waits until the worker's count of messages without a change is above `before`.
async fn one_more_unchanged(worker: &Worker, before: f64) {
    let more = async || Ok((unchanged(worker).await > before).then_some(()));
    wait_until(PATIENCE, "a message that changes nothing", more).await.unwrap();
}

async fn unchanged(worker: &Worker) -> f64 {
    worker.metric("coppice_messages_settled_total", "unchanged").await
}

#[tokio::test]
async fn the_person_follows_its_okta_user_and_the_worker_announces_each_change_once() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(OKTA)).await;
    let (org, _worker) = organization(&world, &[]).await;
    deliver(&world, &org.put_user(SimulatedUser::new(SIGNE))).await;
    let created = is(&world, "active").await;
    assert_eq!((created.revision, created.email), (1, Some(org.user(SIGNE).unwrap().email)));

    deliver(&world, &org.update(SIGNE, |user| user.first_name = "Signe Maria".into())).await;
    is_called(&world, "Signe Maria").await;

    deliver(&world, &org.suspend(SIGNE)).await;
    is(&world, "blocked").await;
    deliver(&world, &org.unsuspend(SIGNE)).await;
    is(&world, "active").await;

    deliver(&world, &org.deactivate(SIGNE)).await;
    let deactivated = is(&world, "blocked").await;
    assert_eq!(deactivated.given_name.as_deref(), Some("Signe Maria"), "a deactivated user still exists");
    deliver(&world, &org.activate(SIGNE)).await;
    let back = is(&world, "active").await;
    assert_eq!(back.person_id, created.person_id);

    deliver(&world, &org.delete(SIGNE)).await;
    let gone = is(&world, "deleted").await;
    assert_eq!((gone.email, gone.given_name), (None, None), "a tombstone holds nothing personal");

    let announced = world.announcements(7).await;
    let revisions: Vec<i64> = announced.iter().map(|(_, announcement)| announcement.revision).collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5, 6, 7]);
    assert!(announced.iter().all(|(kind, event)| *kind == EventKind::PersonChanged
        && event.entity_id == created.person_id
        && event.hop.get() == 1));
    world.settled(UNIT).await;
    let refused = (world.dead_letters(UNIT, 0).await.len(), world.undelivered().await.len());
    assert_eq!(refused, (0, 0));
}

#[tokio::test]
async fn a_replayed_event_changes_nothing_before_or_after_the_deletion() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(OKTA)).await;
    let (org, worker) = organization(&world, &[]).await;
    let created = org.put_user(SimulatedUser::new(SIGNE));
    deliver(&world, &created).await;
    is(&world, "active").await;
    world.settled(UNIT).await;

    deliver(&world, &created).await;
    one_more_unchanged(&worker, 0.0).await;
    assert_eq!(org.not_modified(), 1, "the worker sent the entity tag");

    let deleted = org.delete(SIGNE);
    deliver(&world, &deleted).await;
    is(&world, "deleted").await;
    world.settled(UNIT).await;
    // A lagging replica still answers with the user.
    org.set_fault(Fault::Stale);
    for change in [&created, &deleted] {
        let before = unchanged(&worker).await;
        let asked = org.requests_for(SIGNE);
        deliver(&world, change).await;
        let answered = async || Ok((org.requests_for(SIGNE) > asked).then_some(()));
        wait_until(PATIENCE, "the stale answer", answered).await.unwrap();
        if *change == deleted {
            org.set_fault(Fault::None); // The worker stores a user as gone only if the provider answers so.
        }
        one_more_unchanged(&worker, before).await;
    }
    world.settled(UNIT).await;
    assert_eq!(world.person(SIGNE).await.unwrap().status, "deleted");
    assert_eq!(world.announcements(2).await.len(), 2);
}

#[tokio::test]
async fn a_replica_that_answers_not_modified_does_not_hide_a_deletion() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(OKTA)).await;
    let (org, _worker) = organization(&world, &[]).await;
    deliver(&world, &org.put_user(SimulatedUser::new(SIGNE))).await;
    is(&world, "active").await;
    org.set_fault(Fault::Stale);
    deliver(&world, &org.delete(SIGNE)).await;
    let answered = async || Ok((org.not_modified() > 0).then_some(()));
    wait_until(PATIENCE, "the stale answer", answered).await.unwrap();
    org.set_fault(Fault::None);
    is(&world, "deleted").await;
    world.settled(UNIT).await;
}

#[tokio::test]
async fn a_rate_limit_in_headers_pauses_the_fleet_and_loses_no_message() {
    let world = World::start_with(
        Setup { visibility_secs: 2, max_receive_count: 3, ..Setup::DEFAULT }
            .with_emulator()
            .with_sources(OKTA),
    )
    .await;
    let (org, worker) = organization(&world, &[]).await;
    let ids: Vec<String> = (0..5).map(|number| format!("00u1limited{number}")).collect();
    // Long enough for a slow machine to observe the pause.
    org.set_rate_limit(0, Duration::from_secs(25));
    for id in &ids {
        deliver(&world, &org.put_user(SimulatedUser::new(id))).await;
    }
    breaker_opens(&worker, "okta").await;
    let (reason, pause) = pause_of_the_fleet(&world).await;
    assert_eq!(reason, "rate_limited");
    assert!(pause > 7.0, "the pause is that of the headers, not the 5 s for a reply without one: {pause} s");
    worker.has_nothing_in_flight().await;
    let asked = org.total_requests();
    assert!(asked <= 5, "{asked} requests: at most one for each user before the first 429");
    // By then, 3 receives of 2 s each would have dead-lettered every message.
    let lasts = async || Ok((open_for_secs(&world).await > 6.5).then_some(()));
    wait_until(PATIENCE, "the breaker to stay open", lasts).await.unwrap();
    assert_eq!(org.total_requests(), asked, "no request during the pause");
    assert_eq!(counted_failures(&world).await, 0, "a rate limit is not a failed attempt");

    org.set_rate_limit(1000, Duration::from_secs(60));
    for id in &ids {
        world.person_where(id, |person| person.status == "active").await;
    }
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn a_service_app_reads_users_and_gets_a_new_token_when_its_old_one_has_expired() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(OKTA)).await;
    let org = OktaSimulator::start().await;
    let key = TestKey::generate();
    org.put_service_app(ServiceApp::new("0oaSimCoppice", &key.public_pem));
    let url = org.base_url();
    let service_app = [
        ("sources.okta.api_token", ""),
        ("sources.okta.client_id", "0oaSimCoppice"),
        ("sources.okta.private_key.secret", "okta"),
        ("COPPICE_LOG", "debug"),
    ];
    let worker = start(&world, &[&okta_settings(&url, &key.private_pem)[..], &service_app].concat()).await;
    deliver(&world, &org.put_user(SimulatedUser::new(SIGNE))).await;
    is(&world, "active").await;
    org.expire_tokens();
    deliver(&world, &org.update(SIGNE, |user| user.first_name = "Signe Maria".into())).await;
    is_called(&world, "Signe Maria").await;
    world.settled(UNIT).await;
    assert_eq!(org.token_requests(), 2);
    assert_eq!(world.announcements(2).await.len(), 2);
    let secret = key.private_pem.lines().nth(1).unwrap();
    assert!(!worker.log().contains(secret) && !worker.log().contains("simToken."));
}

#[tokio::test]
async fn no_personal_value_is_in_any_queue_event_log_line_or_metric() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(OKTA)).await;
    let settings = [("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1")];
    let (org, worker) = organization(&world, &settings).await;
    // A user's whole life, its sign-ins, and one user that the provider cannot return.
    deliver(&world, &org.put_user(SimulatedUser::new(SIGNE))).await;
    let stored = is(&world, "active").await;
    let mut personal = org.user(SIGNE).unwrap().personal_values();
    assert!(personal.contains(&stored.email.unwrap()), "the marked values are the real ones");
    world.deliver(&org.sign_in(SIGNE, None)).await;
    deliver(&world, &org.suspend(SIGNE)).await;
    is(&world, "blocked").await;
    org.set_status("00u1broken", Some(500));
    let broken = org.put_user(SimulatedUser::new("00u1broken"));
    deliver(&world, &broken).await;
    let messages = world.dead_letters(UNIT, 1).await;
    deliver(&world, &org.delete(SIGNE)).await;
    is(&world, "deleted").await;
    world.settled(UNIT).await;

    personal.extend(broken.user.personal_values());
    personal.extend(ADMINISTRATOR.map(str::to_owned));
    let (log, metrics) = (worker.log(), worker.get("metrics").await.unwrap().1);
    assert!(log.contains("dead-lettered") && messages[0].body.contains("00u1broken"));
    assert!(world.proxy.transcript_contains(SIGNE), "IDs are in messages");
    for value in &personal {
        assert!(!world.proxy.transcript_contains(value), "{value} was in a message or an announcement");
        assert!(!log.contains(value.as_str()), "{value} is in the log");
        assert!(!metrics.contains(value.as_str()), "{value} is in a metric");
        assert!(!format!("{messages:?}").contains(value.as_str()), "{value} is in the DLQ");
    }
    assert!(!log.contains(org.api_token()) && !metrics.contains(org.api_token()));
}
