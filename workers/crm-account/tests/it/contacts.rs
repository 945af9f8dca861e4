//! Values and contacts that the worker pushes to the CRM, and persons for whom it pushes nothing.

use event_contract::EventKind;
use local_stack::wait_until;
use serde_json::{Value, json};
use simulators::salesforce::{Fault, SimulatedContact, contact_id};
use testkit::{PATIENCE, Worker, World};
use uuid::Uuid;

use crate::persons::{announced, person, put_account, put_contact};
use crate::{BINARY, UNIT};

async fn start(world: &World) -> Worker {
    world.start_worker(BINARY, UNIT, &[]).await
}

async fn announce(world: &World, person: Uuid) {
    world.enqueue(UNIT, &announced(person)).await;
}

async fn contact_with_email(world: &World, person: Uuid, email: &str) -> SimulatedContact {
    let there = async || {
        let contact = world.crm.by_key(&person.to_string());
        Ok(contact.filter(|contact| contact.email.as_deref() == Some(email)))
    };
    wait_until(PATIENCE, "the contact to have this address", there).await.unwrap()
}

#[tokio::test]
async fn a_person_gets_one_contact_and_the_worker_announces_the_link_once() {
    let world = World::start().await;
    let _worker = start(&world).await;
    let ada = person(0);
    put_account(&world, ada, &json!({"email": "ada@idp.example", "family_name": "Quill"})).await;
    announce(&world, ada).await;
    let contact = contact_with_email(&world, ada, "ada@idp.example").await;
    put_account(&world, ada, &json!({"email": "ada@new.idp.example", "family_name": "Quill"})).await;
    announce(&world, ada).await;
    assert_eq!(contact_with_email(&world, ada, "ada@new.idp.example").await.id, contact.id);
    world.settled(UNIT).await;
    let announced = world.announcements(1).await;
    assert_eq!(announced.len(), 1);
    assert_eq!((announced[0].0, announced[0].1.entity_id), (EventKind::CrmAccountLinked, ada));
    assert_eq!(announced[0].1.hop.get(), 2);
    let account: String =
        sqlx::query_scalar("select external_id from crm_account").fetch_one(&world.pool).await.unwrap();
    assert_eq!(account, contact.id);
    assert_eq!(world.crm.creations(), 1);
}

/// During an upgrade, the new version of another unit announces to this version.
#[tokio::test]
async fn an_announcement_with_a_field_of_the_next_version_is_handled() {
    let world = World::start().await;
    let _worker = start(&world).await;
    let ada = person(0);
    put_account(&world, ada, &json!({"email": "ada@idp.example", "family_name": "Quill"})).await;
    let mut event: Value = serde_json::from_str(&announced(ada)).unwrap();
    event["detail"]["priority"] = json!({"level": 2});
    world.enqueue(UNIT, &event.to_string()).await;
    contact_with_email(&world, ada, "ada@idp.example").await;
    world.settled(UNIT).await;
    assert!(world.dead_letters(UNIT, 0).await.is_empty());
}

#[tokio::test]
async fn lost_replies_and_a_second_pod_create_no_second_contact() {
    let world = World::start().await;
    world.crm.set_fault(Fault::LostReplies);
    let _pods = [start(&world).await, start(&world).await];
    let persons: Vec<Uuid> = (0..6).map(person).collect();
    for one in &persons {
        put_account(&world, *one, &json!({"email": format!("{one}@idp.example"), "family_name": "Quill"}))
            .await;
        announce(&world, *one).await;
        announce(&world, *one).await;
    }
    let written = async || Ok((world.crm.writes() >= 6).then_some(()));
    wait_until(PATIENCE, "writes whose replies are lost", written).await.unwrap();
    world.crm.set_fault(Fault::None);
    for one in &persons {
        contact_with_email(&world, *one, &format!("{one}@idp.example")).await;
    }
    world.settled(UNIT).await;
    assert_eq!(world.crm.contacts().len(), 6);
    assert_eq!(world.crm.creations(), 6);
    assert_eq!(world.announcements(6).await.len(), 6, "each link once");
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

/// The database failed after the contact was created, and `crm-sync` read the contact before the message came again.
#[tokio::test]
async fn a_contact_that_was_created_and_not_recorded_is_recorded_and_its_link_announced_once() {
    let world = World::start().await;
    let _worker = start(&world).await;
    let (ada, id) = (person(0), contact_id(1));
    put_account(&world, ada, &json!({"email": "ada@idp.example"})).await;
    put_contact(&world, ada, &id, &json!({"email": "ada@idp.example", "external_key": ada.to_string()}))
        .await;
    announce(&world, ada).await;
    let announced = world.announcements(1).await;
    assert_eq!((announced[0].0, announced[0].1.entity_id), (EventKind::CrmAccountLinked, ada));
    let account: Uuid = sqlx::query_scalar("select person_id from crm_account where external_id = $1")
        .bind(&id)
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(account, ada);
    announce(&world, ada).await;
    world.settled(UNIT).await;
    assert_eq!(world.announcements(1).await.len(), 1);
    assert_eq!(world.crm.writes(), 0);
}

#[tokio::test]
async fn the_worker_corrects_a_linked_contact_by_its_id_and_gives_it_our_key() {
    let world = World::start().await;
    let _worker = start(&world).await;
    let (ada, id) = (person(0), contact_id(1));
    let mut contact = SimulatedContact::new(&id);
    contact.email = Some(String::from("ada@crm.example"));
    let phone = contact.phone.clone();
    world.crm.put_contact(contact);
    put_account(&world, ada, &json!({"email": "ada@idp.example"})).await;
    put_contact(&world, ada, &id, &json!({"email": "ada@crm.example", "external_key": null})).await;
    announce(&world, ada).await;
    let pushed = contact_with_email(&world, ada, "ada@idp.example").await;
    assert_eq!((pushed.id, pushed.phone), (id, phone), "a value that no other source asserts stays");
    world.settled(UNIT).await;
    assert_eq!(world.crm.creations(), 0);
}

#[tokio::test]
async fn the_worker_creates_no_contact_for_these_four_persons() {
    let world = World::start().await;
    let worker = start(&world).await;
    // Only in the CRM; deleted in the CRM; under review; not in the database.
    let (contact_only, deleted, reviewed) = (person(0), person(1), person(2));
    put_contact(&world, contact_only, &contact_id(1), &json!({"email": "x@crm.example"})).await;
    put_account(&world, deleted, &json!({"email": "y@idp.example"})).await;
    put_contact(&world, deleted, &contact_id(2), &json!({})).await;
    let gone = "update source_record set record = null, gone_at = now() where external_id = $1";
    sqlx::query(gone).bind(contact_id(2)).execute(&world.pool).await.unwrap();
    put_account(&world, reviewed, &json!({"email": "z@idp.example"})).await;
    let review = "insert into link_review (source, external_id, candidate_person_id, reason) values ('salesforce', $1, $2, 'x')";
    sqlx::query(review).bind(contact_id(1)).bind(reviewed).execute(&world.pool).await.unwrap();
    for one in [contact_only, deleted, reviewed, person(9)] {
        announce(&world, one).await;
    }
    let seen = async || {
        Ok((worker.metric("coppice_messages_settled_total", "unchanged").await >= 4.0).then_some(()))
    };
    wait_until(PATIENCE, "the worker to settle all four messages", seen).await.unwrap();
    assert_eq!(world.crm.writes(), 0);
    assert_eq!(world.announcements(0).await.len(), 0);
}

#[tokio::test]
async fn no_personal_value_is_in_any_queue_event_log_line_or_metric() {
    let world = World::start().await;
    let worker =
        world.start_worker(BINARY, UNIT, &[("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1")]).await;
    let (ada, bob) = (person(0), person(1));
    for (one, status) in [(ada, None), (bob, Some(400))] {
        world.crm.set_status(&one.to_string(), status);
        put_account(
            &world,
            one,
            &json!({"email": "pii-marker@idp.example", "phone": "pii-marker-phone", "family_name": "pii-marker"}),
        )
        .await;
        announce(&world, one).await;
    }
    contact_with_email(&world, ada, "pii-marker@idp.example").await;
    // Another write after Bob's first refusal is the witness.
    let refused = async || {
        let failed = sqlx::query_scalar::<_, i64>("select count(*) from message_failure");
        Ok((failed.fetch_one(&world.pool).await? > 0).then_some(()))
    };
    wait_until(PATIENCE, "the first refusal", refused).await.unwrap();
    put_account(
        &world,
        person(2),
        &json!({"email": "pii-marker-2@idp.example", "family_name": "pii-marker"}),
    )
    .await;
    announce(&world, person(2)).await;
    let message = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(message.attributes["coppice.class"], "provider_refused");
    world.settled(UNIT).await;
    let metrics = worker.get("metrics").await.unwrap().1;
    assert!(!world.proxy.transcript_contains("pii-marker") && !metrics.contains("pii-marker"));
    assert!(!worker.log().contains("pii-marker"), "{}", worker.log());
}
