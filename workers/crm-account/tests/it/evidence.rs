//! Who is blamed for a write that Salesforce refuses: the contact, or our set-up there.

use local_stack::wait_until;
use serde_json::json;
use simulators::EVERY_RECORD;
use testkit::{PATIENCE, World};

use crate::persons::{announced, person, put_account};
use crate::{BINARY, UNIT};

/// The reply to a write of one contact.
fn refusal(code: &str, message: &str) -> Option<(u16, String)> {
    let error =
        json!([{"success": false, "errors": [{"statusCode": code, "message": message, "fields": []}]}]);
    Some((200, error.to_string()))
}

async fn announce(world: &World, number: usize) {
    let one = person(number);
    put_account(world, one, &json!({"email": format!("{number}@idp.example"), "family_name": "Quill"})).await;
    world.enqueue(UNIT, &announced(one)).await;
}

async fn written(world: &World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let there = async || Ok(world.crm.by_key(&person(number).to_string()));
        wait_until(PATIENCE, "the contact", there).await.unwrap();
    }
}

#[tokio::test]
async fn four_contacts_that_are_refused_for_good_hold_no_other_up() {
    let world = World::start().await;
    let duplicate =
        "duplicate value found: Member_No__c duplicates value on record with id: 0039x0000000007AAA";
    for number in 0..4 {
        world.crm.set_reply(&person(number).to_string(), refusal("DUPLICATE_VALUE", duplicate));
    }
    for number in 0..29 {
        announce(&world, number).await;
    }
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    written(&world, 4..29).await;
    for message in world.dead_letters(UNIT, 4).await {
        assert_eq!(message.attributes["coppice.class"], "provider_refused");
        let detail = &message.attributes["coppice.detail"];
        assert!(detail.starts_with("provider refuses the request: DUPLICATE_VALUE; "), "{detail}");
    }
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 4).await.len(), 4);
}

/// Nothing is dead-lettered, and nothing settles as if the contact were gone.
async fn a_fault_of_our_set_up_waits(reply: Option<(u16, String)>) {
    let world = World::start().await;
    let worker = world.start_worker(BINARY, UNIT, &[]).await;
    world.crm.set_reply(EVERY_RECORD, reply);
    for number in 0..12 {
        announce(&world, number).await;
    }
    let reason = "select reason from upstream_breaker where upstream = 'salesforce (crm-account)' and open";
    let refused =
        async || Ok(sqlx::query_scalar::<_, String>(reason).fetch_optional(&world.pool).await.unwrap());
    assert_eq!(wait_until(PATIENCE, "the breaker to open", refused).await.unwrap(), "refused");
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
    assert!(worker.metric("coppice_messages_settled_total", "gone").await == 0.0);
    world.crm.set_reply(EVERY_RECORD, None);
    written(&world, 0..12).await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn an_external_id_that_our_user_may_not_see_condemns_no_contact() {
    let message = "Provided external ID field does not exist or is not accessible: Person_Key__c";
    let body = json!([{"errorCode": "NOT_FOUND", "message": message}]).to_string();
    a_fault_of_our_set_up_waits(Some((404, body))).await;
}

#[tokio::test]
async fn a_record_type_that_our_user_may_not_use_condemns_no_contact() {
    let message = "Record Type ID: this ID value isn't valid for the user: 0129x000000RtypAAG";
    a_fault_of_our_set_up_waits(refusal("INVALID_CROSS_REFERENCE_KEY", message)).await;
}
