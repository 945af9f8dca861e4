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

#[tokio::test]
async fn a_name_that_is_too_long_does_not_hold_back_an_address() {
    let world = World::start().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let (long, one) = ("Maria Immaculata Theodora Wilhelmina Josephina", person(1));
    let account = json!({"email": "new2@idp.example", "given_name": long, "family_name": "Quill"});
    put_account(&world, one, &account).await;
    world.enqueue(UNIT, &announced(one)).await;
    let [message] = &world.dead_letters(UNIT, 1).await[..] else { panic!("one message") };
    assert_eq!(message.attributes["coppice.class"], "provider_refused");
    let detail = &message.attributes["coppice.detail"];
    let reason = "the CRM does not accept given_name (STRING_TOO_LONG); it has all other values; ";
    assert!(detail.starts_with(reason) && !detail.contains("Maria"), "{detail}");
    let contact = world.crm.by_key(&one.to_string()).unwrap();
    assert_eq!(contact.email.as_deref(), Some("new2@idp.example"));
    assert_eq!((contact.last_name.as_str(), contact.first_name), ("Quill", None));
    let recorded = "select count(*) from crm_account where person_id = $1";
    let recorded: i64 = sqlx::query_scalar(recorded).bind(one).fetch_one(&world.pool).await.unwrap();
    assert_eq!(recorded, 1);
}

#[tokio::test]
async fn a_lock_in_a_trigger_is_waited_for() {
    let world = World::start().await;
    let message = "orch.ContactTrigger: execution of AfterUpdate caused by: System.DmlException: Update failed. First exception on \
                   row 0 with id 0019x00000SimAcctAAG; first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this \
                   record: []";
    let one = person(1).to_string();
    world.crm.set_reply(&one, refusal("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message));
    announce(&world, 1).await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let failed = async || {
        let count = "select count(*) from message_failure where class = 'server_error'";
        let count: i64 = sqlx::query_scalar(count).fetch_one(&world.pool).await?;
        Ok((count > 0).then_some(()))
    };
    wait_until(PATIENCE, "the lock to be met", failed).await.unwrap();
    world.crm.set_reply(&one, None);
    written(&world, 1..2).await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn a_duplicate_by_a_rule_of_the_crm_is_dead_lettered() {
    let world = World::start().await;
    world.crm.set_reply(&person(1).to_string(), refusal("DUPLICATES_DETECTED", "Use one of these records?"));
    announce(&world, 1).await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let [message] = &world.dead_letters(UNIT, 1).await[..] else { panic!("one message") };
    let detail = &message.attributes["coppice.detail"];
    assert!(detail.starts_with("provider refuses the request: DUPLICATES_DETECTED; "), "{detail}");
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
