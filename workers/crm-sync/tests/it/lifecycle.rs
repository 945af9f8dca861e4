//! A contact's life in the CRM, and its effects on the person.

use std::time::Duration;

use event_contract::EventKind;
use local_stack::wait_until;
use simulators::NativeEvent;
use simulators::salesforce::{Fault, SimulatedContact, contact_id};
use testkit::{PATIENCE, World};

use crate::{BINARY, UNIT};

/// Delivers the events that the CRM has published since the last call.
async fn deliver_all(world: &World) {
    let events: Vec<NativeEvent> = world.crm.take_events();
    for event in events {
        world.deliver(&event).await;
    }
}

#[tokio::test]
async fn a_contact_is_created_changed_deleted_and_restored() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let id = contact_id(1);
    world.crm.put_contact(SimulatedContact::new(&id));
    deliver_all(&world).await;
    let created = world.person_where(&id, |person| person.status == "known").await;

    world.crm.update(&id, |contact| contact.email = Some(String::from("new@crm.example.org")));
    deliver_all(&world).await;
    world.person_where(&id, |person| person.email.as_deref() == Some("new@crm.example.org")).await;

    world.crm.delete(&id);
    deliver_all(&world).await;
    let gone = world.person_where(&id, |person| person.status == "deleted").await;
    assert_eq!((gone.email, gone.given_name), (None, None), "a tombstone holds nothing personal");

    world.crm.undelete(&id);
    deliver_all(&world).await;
    let back = world.person_where(&id, |person| person.status == "known").await;
    assert_eq!(back.person_id, created.person_id);
    let announced = world.announcements(4).await;
    assert!(
        announced
            .iter()
            .all(|(kind, event)| *kind == EventKind::PersonChanged && event.entity_id == created.person_id)
    );
}

#[tokio::test]
async fn the_worker_reads_every_contact_of_an_event_and_follows_a_merge() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let (kept, lost) = (contact_id(1), contact_id(2));
    for id in [&kept, &lost] {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    deliver_all(&world).await;
    let into = world.person_where(&kept, |_| true).await;
    let from = world.person_where(&lost, |_| true).await;
    assert_ne!(into.person_id, from.person_id);
    world.crm.merge(&kept, &lost);
    deliver_all(&world).await;
    world.person_where(&lost, |person| person.person_id == into.person_id).await;
    let merged = "select merged_into from person where person_id = $1 and status = 'merged'";
    let merged: uuid::Uuid =
        sqlx::query_scalar(merged).bind(from.person_id).fetch_one(&world.pool).await.unwrap();
    assert_eq!(merged, into.person_id);
    world.settled(UNIT).await;
}

#[tokio::test]
async fn an_event_without_fields_causes_a_read_and_an_event_without_ids_requests_a_resync() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let id = contact_id(1);
    world.crm.put_contact(SimulatedContact::new(&id));
    let _ = world.crm.take_events();
    world.deliver(&world.crm.gap_event(&[&id])).await;
    world.person_where(&id, |_| true).await;
    world.deliver(&world.crm.overflow_event()).await;
    let requested = async || {
        let row: Option<String> =
            sqlx::query_scalar("select source from resync_request").fetch_optional(&world.pool).await?;
        Ok(row)
    };
    assert_eq!(wait_until(PATIENCE, "a request for a resync", requested).await.unwrap(), "salesforce");
    world.settled(UNIT).await;
}

#[tokio::test]
async fn a_wildcard_requests_a_resync_and_no_text_that_is_not_an_id_becomes_a_row() {
    let world = World::start().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    world.enqueue(UNIT, &world.crm.gap_event(&["003*"]).to_envelope_json()).await;
    let cause = async || {
        let row: Option<String> =
            sqlx::query_scalar("select source from resync_request").fetch_optional(&world.pool).await?;
        Ok(row)
    };
    assert_eq!(wait_until(PATIENCE, "a request for a resync", cause).await.unwrap(), "salesforce");
    world.enqueue(UNIT, &world.crm.gap_event(&["mara.quill"]).to_envelope_json()).await;
    let [message] = &world.dead_letters(UNIT, 1).await[..] else { panic!("one message") };
    assert_eq!(message.attributes["coppice.class"], "unreadable");
    let detail = &message.attributes["coppice.detail"];
    assert!(detail.contains("not the ID of a contact of Salesforce") && !detail.contains("mara"), "{detail}");
    world.settled(UNIT).await;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from source_record").fetch_one(&world.pool).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn the_worker_reads_the_contacts_of_one_event_in_few_calls() {
    let world = World::start_with_emulator().await;
    let ids: Vec<String> = (1..=40).map(contact_id).collect();
    for id in &ids {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    let _ = world.crm.take_events();
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    // Long enough that further requests gather during a call.
    world.crm.set_fault(Fault::Slow(Duration::from_millis(100)));
    let before = world.crm.total_requests();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.deliver(&world.crm.gap_event(&ids)).await;
    for id in &ids {
        world.person_where(id, |_| true).await;
        assert_eq!(world.crm.requests_for(id), 1);
    }
    let calls = world.crm.total_requests() - before - world.crm.pings();
    assert!(calls <= 20, "{calls} calls for {} contacts", ids.len());
}

#[tokio::test]
async fn no_personal_value_is_in_any_queue_event_log_line_or_metric() {
    let world = World::start_with_emulator().await;
    let worker =
        world.start_worker(BINARY, UNIT, &[("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1")]).await;
    let (id, broken) = (contact_id(1), contact_id(2));
    let personal = SimulatedContact::new(&id).personal_values();
    assert!(personal.len() >= 5);
    world.crm.set_status(&broken, Some(500));
    for contact in [&id, &broken] {
        world.crm.put_contact(SimulatedContact::new(contact));
    }
    deliver_all(&world).await;
    let stored = world.person_where(&id, |_| true).await;
    assert!(personal.contains(&stored.email.unwrap()), "the marked values are the real ones");
    world.dead_letters(UNIT, 1).await;
    world.settled(UNIT).await;
    let (log, metrics) = (worker.log(), worker.get("metrics").await.unwrap().1);
    for value in personal.iter().chain(&SimulatedContact::new(&broken).personal_values()) {
        assert!(!world.proxy.transcript_contains(value), "{value} was in a message");
        assert!(
            !log.contains(value.as_str()) && !metrics.contains(value.as_str()),
            "{value} is in a log or a metric"
        );
    }
}
