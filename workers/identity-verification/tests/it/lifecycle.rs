//! A verification session's life at its provider, and its effects on the person.

use authority::Role;
use event_contract::{Announcement, EventKind, Hop, TraceContext};
use local_stack::wait_until;
use postgres_store::{Announce, PersonReading, RecordState, Source, Store};
use simulators::auth0::SimulatedUser;
use simulators::identity::{SessionChange, SimulatedPerson};
use testkit::{PATIENCE, World};
use time::macros::date;
use uuid::Uuid;

use crate::{BINARY, UNIT};

const SESSION: &str = "vs_1";

/// The person on a document. No other record of these tests has these values.
fn on_the_document() -> SimulatedPerson {
    SimulatedPerson::new("Maravilla", "Quillfeather", date!(1984 - 09 - 03))
}

fn personal_values(person: &SimulatedPerson) -> [String; 4] {
    [
        person.given_name.clone(),
        person.family_name.clone(),
        person.email.clone(),
        person.birthdate.to_string(),
    ]
}

/// Writes a person with an account at the identity provider, as `sso-sync` does.
async fn known_person(world: &World) -> Uuid {
    let user = SimulatedUser::new("auth0|1");
    let store = Store::open(&world.database_url().to_owned().into(), 1).unwrap();
    let reading = PersonReading {
        external_id: user.user_id,
        state: RecordState::Present {
            record: serde_json::json!({ "given_name": "Nickname", "email": user.email }),
            external_key: None,
            identities: Vec::new(),
        },
        version_at: None,
        etag: None,
        ticket: 1,
        announce: Announce {
            cause: Uuid::now_v7(),
            hop: Hop::OUTSIDE.next().unwrap(),
            traceparent: TraceContext::start(),
        },
        announces: None,
    };
    let source = Source { name: "auth0", role: Role::Sso };
    store.apply_person_readings(source, &[reading]).await.unwrap();
    let person = world.person("auth0|1").await.unwrap();
    assert_eq!(person.given_name.as_deref(), Some("Nickname"));
    person.person_id
}

async fn deliver(world: &World, change: &SessionChange) {
    world.deliver(&change.partner_event()).await;
}

/// Waits until the session has this status in the view, and returns its person's ID.
async fn status(world: &World, wanted: &str) -> Uuid {
    let query = "select person_id from verification \
                 where source = 'stripe' and session_id = $1 and verification_status = $2";
    wait_until(PATIENCE, wanted, async || {
        Ok(sqlx::query_scalar(query).bind(SESSION).bind(wanted).fetch_optional(&world.pool).await?)
    })
    .await
    .unwrap()
}

/// Waits until the provider has received this many requests for the session.
async fn asked_for(world: &World, times: usize) {
    let asked = async || Ok((world.verifier.requests_for(SESSION) >= times).then_some(()));
    wait_until(PATIENCE, "the session to be read", asked).await.unwrap();
}

async fn announced(world: &World, kind: EventKind, at_least: usize) -> Vec<Announcement> {
    let all = world.announcements(at_least).await;
    all.into_iter().filter(|(other, _)| *other == kind).map(|(_, event)| event).collect()
}

#[tokio::test]
async fn the_person_follows_a_session_that_is_created_verified_and_redacted() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let person_id = known_person(&world).await;
    let stripe = &world.verifier_server;

    deliver(&world, &stripe.put_session(SESSION, Some(&person_id.to_string()))).await;
    assert_eq!(status(&world, "needs_input").await, person_id, "our key links the session to its person");

    let verified = stripe.verify(SESSION, &on_the_document());
    deliver(&world, &verified).await;
    let person = world.person_where(SESSION, |row| row.given_name.as_deref() == Some("Maravilla")).await;
    assert_eq!(person.person_id, person_id);
    assert_eq!(person.email, SimulatedUser::new("auth0|1").email, "a document has no email address");
    assert_eq!(status(&world, "verified").await, person_id);
    // The person is created and then changed by the document. The verification itself follows.
    let events = announced(&world, EventKind::IdentityVerified, 3).await;
    assert_eq!(
        events.iter().map(|event| (event.entity_id, event.revision)).collect::<Vec<_>>(),
        [(person_id, person.revision)]
    );

    // The same event again, then the event of the ingress about the same change. The test sends one after the other, so
    // that they do not coalesce.
    deliver(&world, &verified).await;
    asked_for(&world, 3).await;
    world.settled(UNIT).await;
    let detail = format!(r#"{{"ids":["{SESSION}"],"change":"changed"}}"#);
    world.publish("coppice.ingress.stripe", "VerificationChanged", &detail).await;
    asked_for(&world, 4).await;
    world.settled(UNIT).await;
    assert_eq!(
        announced(&world, EventKind::IdentityVerified, 3).await,
        events,
        "one event for each verification"
    );

    deliver(&world, &stripe.redact(SESSION)).await;
    let redacted = world.person_where(SESSION, |row| row.given_name.as_deref() == Some("Nickname")).await;
    assert_eq!(redacted.person_id, person_id);
    assert_eq!(status(&world, "redacted").await, person_id);
    let record = "select record::text from source_record where external_id = $1";
    let record: String = sqlx::query_scalar(record).bind(SESSION).fetch_one(&world.pool).await.unwrap();
    for value in personal_values(&on_the_document()) {
        assert!(!record.contains(&value), "{value} is still in the record");
    }
    world.settled(UNIT).await;
    assert_eq!(announced(&world, EventKind::IdentityVerified, 4).await, events);
}

#[tokio::test]
async fn the_worker_reads_and_announces_a_case_from_a_webhook() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    world.verifier_server.put_session(SESSION, None);
    world.verifier_server.verify(SESSION, &on_the_document());
    let detail = format!(r#"{{"ids":["{SESSION}"],"change":"changed"}}"#);
    world.publish("coppice.ingress.stripe", "VerificationChanged", &detail).await;
    let person = world.person_where(SESSION, |row| row.given_name.as_deref() == Some("Maravilla")).await;
    let events = announced(&world, EventKind::IdentityVerified, 2).await;
    assert_eq!(
        events.iter().map(|event| (event.entity_id, event.revision)).collect::<Vec<_>>(),
        [(person.person_id, 1)]
    );
    world.settled(UNIT).await;
}

#[tokio::test]
async fn the_worker_reads_the_date_of_birth_only_if_a_setting_asks_for_it() {
    let world = World::start_with_emulator().await;
    let birthdate = async || -> Option<String> {
        let query = "select profile ->> 'birthdate' from person join source_record using (person_id) where external_id = $1";
        sqlx::query_scalar(query).bind(SESSION).fetch_one(&world.pool).await.unwrap()
    };
    world.verifier_server.put_session(SESSION, None);
    let verified = world.verifier_server.verify(SESSION, &on_the_document());
    let mut worker = world.start_worker(BINARY, UNIT, &[]).await;
    deliver(&world, &verified).await;
    world.person_where(SESSION, |_| true).await;
    world.settled(UNIT).await;
    assert_eq!(birthdate().await, None);
    worker.stop().await;

    let _worker = world.start_worker(BINARY, UNIT, &[("sources.stripe.date_of_birth", "true")]).await;
    deliver(&world, &verified).await;
    world.person_where(SESSION, |row| row.revision == 2).await;
    assert_eq!(birthdate().await.as_deref(), Some("1984-09-03"));
    world.settled(UNIT).await;
}

#[tokio::test]
async fn no_personal_value_is_in_any_queue_event_log_line_or_metric() {
    let world = World::start_with_emulator().await;
    let settings =
        [("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1"), ("sources.stripe.date_of_birth", "true")];
    let worker = world.start_worker(BINARY, UNIT, &settings).await;
    world.verifier.set_status("vs_2", Some(500));
    for id in [SESSION, "vs_2"] {
        world.verifier_server.put_session(id, None);
        deliver(&world, &world.verifier_server.verify(id, &on_the_document())).await;
    }
    let stored = world.person_where(SESSION, |_| true).await;
    assert_eq!(stored.given_name.as_deref(), Some("Maravilla"), "the marked values are the real ones");
    announced(&world, EventKind::IdentityVerified, 2).await;
    world.dead_letters(UNIT, 1).await;
    world.settled(UNIT).await;
    let (log, metrics) = (worker.log(), worker.get("metrics").await.unwrap().1);
    for value in personal_values(&on_the_document()) {
        assert!(!world.proxy.transcript_contains(&value), "{value} was in a message");
        assert!(!log.contains(&value) && !metrics.contains(&value), "{value} is in a log or a metric");
    }
}
