//! A record's life in an internal directory of staff, and its effects on the person.

use serde_json::{Value, json};
use testkit::{STAFF, ScimServer, Setup, World, staff_settings};

use crate::{BINARY, UNIT};

fn member(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("{name}@staff.example.org"),
        "externalId": format!("P-{name}"),
        "name": {"givenName": name, "familyName": "Marked"},
        "emails": [{"value": format!("{name}@staff.example.org"), "primary": true}],
        "active": true,
    })
}

/// Creates a member, and returns its ID.
async fn hire(staff: &ScimServer, name: &str) -> String {
    staff.create(&member(name)).await["id"].as_str().unwrap().to_owned()
}

/// Publishes the event that `webhook-ingress` makes of the directory's webhook.
async fn publish(world: &World, id: &str, change: &str) {
    let detail = format!(r#"{{"ids":["{id}"],"change":"{change}"}}"#);
    world.publish("coppice.ingress.staff", "webhook", &detail).await;
}

async fn count(world: &World, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&world.pool).await.unwrap()
}

#[tokio::test]
async fn the_person_follows_a_record_that_is_created_changed_and_deleted() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(STAFF)).await;
    let staff = ScimServer::start().await;
    let _worker = world.start_worker(BINARY, UNIT, &staff_settings(staff.base_url(), staff.token())).await;
    let id = hire(&staff, "ida").await;
    publish(&world, &id, "changed").await;
    let created = world.person_where(&id, |_| true).await;
    assert_eq!((created.given_name.as_deref(), created.status.as_str()), (Some("ida"), "known"));

    staff.replace(&id, "name.givenName", json!("Ida Maria")).await;
    publish(&world, &id, "changed").await;
    world.person_where(&id, |person| person.given_name.as_deref() == Some("Ida Maria")).await;

    staff.delete(&id).await;
    publish(&world, &id, "deleted").await;
    let gone = world.person_where(&id, |person| person.status == "deleted").await;
    assert_eq!((gone.email, gone.given_name), (None, None), "a tombstone holds nothing personal");
    world.settled(UNIT).await;
    assert_eq!(world.announcements(3).await.len(), 3);
}

/// A SCIM user reads the same in each role, and means an account only at an identity provider.
#[tokio::test]
async fn a_member_who_is_deactivated_is_not_blocked_and_has_no_way_to_sign_in() {
    let world = World::start_with(Setup::DEFAULT.with_sources(STAFF)).await;
    let staff = ScimServer::start().await;
    let _worker = world.start_worker(BINARY, UNIT, &staff_settings(staff.base_url(), staff.token())).await;
    let id = hire(&staff, "ida").await;
    staff.replace(&id, "active", json!(false)).await;
    let body = event_contract::resync_message("staff", &id);
    world.enqueue(UNIT, &body).await;
    let person = world.person_where(&id, |_| true).await;
    assert_eq!((person.given_name.as_deref(), person.status.as_str()), (Some("ida"), "known"));
    assert_eq!(count(&world, "select count(*) from identity").await, 0);
    let said =
        "select count(*) from source_record where record ?| '{blocked,identities}' or role <> 'registry'";
    assert_eq!(count(&world, said).await, 0);

    staff.replace(&id, "active", json!(true)).await;
    world.enqueue(UNIT, &body).await;
    world.settled(UNIT).await;
    assert_eq!(
        world.announcements(1).await.len(),
        1,
        "that the directory activates a user changes no person"
    );
}

#[tokio::test]
async fn a_worker_of_another_role_refuses_to_start() {
    let world = World::start_with(Setup::DEFAULT.with_sources(STAFF)).await;
    let mut settings = staff_settings("http://127.0.0.1:1/v2", "none");
    settings[1].1 = "sso";
    let said = world.run_job(BINARY, UNIT, &[], &settings).await;
    said.says(1, &["registry-sync works on sources of the role registry, and staff has the role sso"]);
}
