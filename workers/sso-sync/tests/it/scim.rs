//! The same worker with a SCIM 2.0 server by other authors.

use serde_json::json;
use testkit::{SCIM, ScimServer, Setup, World, scim_settings};

use crate::{BINARY, UNIT};

#[tokio::test]
async fn the_person_follows_a_scim_user_that_is_created_changed_deactivated_and_deleted() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(SCIM)).await;
    let scim = ScimServer::start().await;
    let settings = scim_settings(scim.base_url(), scim.token());
    let _worker = world.start_worker(BINARY, UNIT, &settings).await;
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ida.marked@example.org",
        "name": {"givenName": "Ida", "familyName": "Marked"},
        "emails": [{"value": "ida.marked@example.org", "primary": true}],
        "active": true,
    });
    let id = scim.create(&user).await["id"].as_str().unwrap().to_owned();
    world.publish("coppice.ingress.scim", "UserChanged", &changed(&id, "changed")).await;
    let created = world.person_where(&id, |_| true).await;
    assert_eq!((created.given_name.as_deref(), created.status.as_str()), (Some("Ida"), "active"));

    scim.replace(&id, "name.givenName", json!("Ida Maria")).await;
    world.publish("coppice.ingress.scim", "UserChanged", &changed(&id, "changed")).await;
    world.person_where(&id, |person| person.given_name.as_deref() == Some("Ida Maria")).await;

    scim.replace(&id, "active", json!(false)).await;
    world.publish("coppice.ingress.scim", "UserChanged", &changed(&id, "changed")).await;
    world.person_where(&id, |person| person.status == "blocked").await;

    scim.delete(&id).await;
    world.publish("coppice.ingress.scim", "UserChanged", &changed(&id, "deleted")).await;
    world.person_where(&id, |person| person.status == "deleted").await;
    world.settled(UNIT).await;
    assert_eq!(world.announcements(4).await.len(), 4);
}

fn changed(id: &str, change: &str) -> String {
    format!(r#"{{"ids":["{id}"],"change":"{change}"}}"#)
}
