//! Who is blamed when contacts cannot be read: our permissions, not the contacts.

use local_stack::wait_until;
use simulators::EVERY_RECORD;
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::{PATIENCE, World};

use crate::{BINARY, UNIT};

async fn changed(world: &World, id: &str) {
    let mut contact = world.crm.contact(id).unwrap_or_else(|| SimulatedContact::new(id));
    contact.phone = Some(format!("+1 {id}"));
    world.enqueue(UNIT, &world.crm.put_contact(contact).event.to_envelope_json()).await;
}

#[tokio::test]
async fn a_field_that_our_user_may_not_see_condemns_no_contact() {
    let world = World::start().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let body =
        r#"[{"errorCode":"INVALID_FIELD","message":"No such column 'Birthdate' on entity 'Contact'."}]"#;
    world.crm.set_reply(EVERY_RECORD, Some((400, body.to_owned())));
    let ids: Vec<String> = (1..=30).map(contact_id).collect();
    for id in &ids {
        changed(&world, id).await;
    }
    let reason = "select reason from upstream_breaker where upstream = 'salesforce (crm-sync)' and open";
    let refused =
        async || Ok(sqlx::query_scalar::<_, String>(reason).fetch_optional(&world.pool).await.unwrap());
    assert_eq!(wait_until(PATIENCE, "the breaker to open", refused).await.unwrap(), "refused");
    let why = "select distinct detail from message_failure";
    let details: Vec<String> = sqlx::query_scalar(why).fetch_all(&world.pool).await.unwrap();
    assert_eq!(details, ["provider refuses the request: INVALID_FIELD"], "an operator can act on it");
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
    world.crm.set_reply(EVERY_RECORD, None);
    for id in &ids {
        world.person_where(id, |person| person.status == "known").await;
    }
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn contacts_that_a_sharing_rule_hides_are_missing_and_no_person_is_emptied() {
    let world = World::start().await;
    let worker = world.start_worker(BINARY, UNIT, &[]).await;
    let ids: Vec<String> = (1..=200).map(contact_id).collect();
    for id in &ids {
        changed(&world, id).await;
    }
    let persons = async |condition: &str| {
        let count = format!("select count(*) from person where {condition}");
        sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(count)).fetch_one(&world.pool).await.unwrap()
    };
    let known = async || Ok((persons("phone is not null").await == 200).then_some(()));
    wait_until(PATIENCE, "200 persons", known).await.unwrap();
    world.settled(UNIT).await;
    // Change events ignore sharing.
    let events: Vec<String> = ids
        .iter()
        .map(|id| world.crm.update(id, |contact| contact.phone = None).event.to_envelope_json())
        .collect();
    world.crm.set_hidden(&ids, true);
    world.enqueue_all(UNIT, &events).await.unwrap();
    let missing = async || {
        Ok((worker.metric("coppice_messages_settled_total", "missing").await >= 200.0).then_some(()))
    };
    wait_until(PATIENCE, "all to be missing", missing).await.unwrap();
    assert_eq!(persons("phone is not null and status = 'known'").await, 200, "their values stay");
    world.crm.set_hidden(&ids, false);
    world.enqueue_all(UNIT, &events).await.unwrap();
    let changed = async || Ok((persons("phone is null and status = 'known'").await == 200).then_some(()));
    wait_until(PATIENCE, "the values of now", changed).await.unwrap();
}
