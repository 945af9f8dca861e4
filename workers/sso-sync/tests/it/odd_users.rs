//! Users as odd servers write them: what is needed is read, and what is not costs its field alone.

use provider_http::test_server::{answering_with, reply};
use serde_json::{Value, json};
use testkit::World;

use crate::{BINARY, UNIT, start};

#[tokio::test]
async fn an_auth0_user_with_an_odd_value_is_stored_and_the_value_is_counted() {
    let world = World::start().await;
    let id = "samlp|bayside|nora";
    let user = json!({"user_id": id, "email": "nora.eik@bayside.example", "email_verified": "true", "given_name": ["Nora"],
        "family_name": "Eik", "phone_number": {"work": "+15550100177"}, "blocked": "True",
        "identities": [{"provider": "samlp", "connection": "bayside", "user_id": "bayside|nora"}],
        "updated_at": "2026-11-20 08:00:00"});
    world.idp.set_reply(id, Some((200, format!("\u{feff}{user}"))));
    changed(&world, "auth0", id).await;
    let worker = start(&world, &[]).await;
    let person = world.person_where(id, |person| person.status == "blocked").await;
    assert_eq!(person.given_name.as_deref(), Some("Nora"));
    assert_eq!(person.email.as_deref(), Some("nora.eik@bayside.example"));
    let unread = worker.metric("coppice_fields_unread_total", r#"field="phone_number""#).await;
    assert!(unread >= 1.0, "{unread}");
    world.settled(UNIT).await;
}

/// A server of these users: no other path is known.
async fn scim(users: Vec<Value>) -> String {
    answering_with(move |request| {
        let id = request.uri().path().trim_start_matches("/Users/");
        let own = |user: &&Value| user["id"].as_str().map_or(user["id"].to_string(), str::to_owned) == id;
        let found = users.iter().find(own);
        let answer = found.map_or_else(|| reply(404, &[], "{}"), |user| reply(200, &[], &user.to_string()));
        std::future::ready(answer)
    })
    .await
}

#[tokio::test]
async fn scim_users_in_another_case_below_the_schema_and_with_numbers_are_stored() {
    let world = World::start().await;
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
    let users = vec![
        json!({"id": "cased", "UserName": "nora", "Active": false, "Name": {"GivenName": "Nora"},
            "Emails": [{"Value": "nora@bayside.example", "Primary": true}]}),
        json!({"id": "below", "schemas": [urn], urn: {"userName": "nora", "active": false, "name": {"givenName": "Nora"},
            "emails": [{"value": "nora@bayside.example", "primary": true}]}}),
        json!({"id": "texts", "userName": "nora", "name": {"givenName": "Nora"},
            "emails": [{"type": "work", "value": "nora@work.example"}, "nora@bayside.example"]}),
        json!({"id": "zone", "active": true, "name": {"givenName": "Nora"}, "meta": {"lastModified": "2026-11-18T08:03:34"}}),
        json!({"id": 223, "active": 0, "name": {"givenName": "Nora"}, "externalId": 9017, "meta": {"version": 3}}),
        json!({"id": "unnamed", "profile": {"userName": "nora", "active": false}}),
    ];
    let url = scim(users).await;
    let settings = testkit::scim_settings(&url, "a-token");
    let _worker = world.start_worker(BINARY, UNIT, &settings).await;
    for (id, status) in [
        ("cased", "blocked"),
        ("below", "blocked"),
        ("texts", "active"),
        ("zone", "active"),
        ("223", "blocked"),
    ] {
        changed(&world, "scim", id).await;
        let person = world.person_where(id, |_| true).await;
        assert_eq!((person.status.as_str(), person.given_name.as_deref()), (status, Some("Nora")), "{id}");
    }
    changed(&world, "scim", "unnamed").await;
    let refused = world.dead_letters(UNIT, 1).await;
    assert!(refused[0].attributes["coppice.detail"].contains("userName"), "{:?}", refused[0].attributes);
}

async fn changed(world: &World, source: &str, id: &str) {
    let detail = json!({"ids": [id], "change": "changed"});
    let event = json!({"id": uuid::Uuid::new_v4(), "source": format!("coppice.ingress.{source}"), "detail-type": "UserChanged",
        "time": "2026-11-30T10:00:00Z", "detail": detail});
    world.enqueue(UNIT, &event.to_string()).await;
}
