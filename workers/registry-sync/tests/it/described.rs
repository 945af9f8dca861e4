//! An internal API that only the file describes: a SCIM server by other authors, read as any API with JSON is, whose events are on the
//! bus in a form of their own.

use serde_json::json;
use testkit::{ScimServer, Setup, World};

use crate::{BINARY, UNIT};

/// The source in which `rest` reads the server at this address, as the value of a key.
fn benefits(url: &str) -> String {
    let settings = [
        r#"role = "registry", connector = "rest""#,
        &format!(r#"url = "{url}", auth = {{ kind = "bearer", token = {{ secret = "benefits" }} }}"#),
        r#"fetch.path = "/Users/{id}", fetch.version = { path = "$.meta.lastModified", format = "rfc3339" }"#,
        r#"fetch.gone.status = [404]"#,
        r#"list = { path = "/Users?count=50", items = "$.Resources[*]", total = "$.totalResults" }"#,
        r#"events.pattern = { source = ["orchard.benefits"], detail-type = ["PersonUpdated", "PersonRemoved"] }"#,
        r#"events.id = "$.detail.person.id", events.not_before = "$.detail.at""#,
        r#"events.removed = "$['detail-type'] == 'PersonRemoved'""#,
        r#"map.given_name = { path = "$.name.givenName", trim = true }"#,
        r#"map.family_name = { path = "$.name.familyName", case = "upper" }"#,
        r#"map.email = "$.emails[?@.primary == true].value", map.key = "$.externalId""#,
    ];
    format!("{{ {} }}", settings.join(", "))
}

#[tokio::test]
async fn the_person_follows_a_record_of_an_api_that_only_the_file_describes() {
    let server = ScimServer::start().await;
    let source = benefits(server.base_url());
    let file: &'static str = format!("[sources]\nbenefits = {source}").leak();
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(file)).await;
    let settings = [
        ("COPPICE_SOURCE", "benefits"),
        ("COPPICE_SECRET_BENEFITS", server.token()),
        ("sources.benefits", source.as_str()),
        ("fields.given_name", r#"{ type = "text", from = ["registry"] }"#),
        ("fields.family_name", r#"{ type = "text", from = ["registry"] }"#),
        ("fields.email", r#"{ type = "email", from = ["sso", "registry"] }"#),
    ];
    let worker = world.start_worker(BINARY, UNIT, &settings).await;
    let created = server
        .create(&json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ida", "externalId": "P-ida",
            "name": {"givenName": " Ida ", "familyName": "Marked"},
            "emails": [{"value": "ida@benefits.example.org", "primary": true}, {"value": "old@benefits.example.org"}]
        }))
        .await;
    let id = created["id"].as_str().unwrap();
    // The event has a profile of its own, which the rule leaves out.
    let detail = json!({"person": {"id": id, "name": "pii-marker"}, "at": created["meta"]["lastModified"]});
    world.publish("orchard.benefits", "PersonUpdated", &detail.to_string()).await;
    let person = world.person_where(id, |_| true).await;
    assert_eq!(person.given_name.as_deref(), Some("Ida"));
    let family_name: String = sqlx::query_scalar("select profile->>'family_name' from person")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(family_name, "MARKED");
    assert_eq!(person.email.as_deref(), Some("ida@benefits.example.org"));

    // Without a time, another rule takes the event.
    server.replace(id, "name.givenName", json!("Ida Maria")).await;
    world.publish("orchard.benefits", "PersonUpdated", &json!({"person": {"id": id}}).to_string()).await;
    world.person_where(id, |person| person.given_name.as_deref() == Some("Ida Maria")).await;

    server.delete(id).await;
    world.publish("orchard.benefits", "PersonRemoved", &json!({"person": {"id": id}}).to_string()).await;
    world.person_where(id, |person| person.status == "deleted").await;

    // Without an ID, an operator has to see it.
    world.publish("orchard.benefits", "PersonUpdated", r#"{"person":{"name":"pii-marker"}}"#).await;
    let dead = world.dead_letters(UNIT, 1).await;
    assert!(!format!("{dead:?}").contains("pii-marker"), "{dead:?}");
    assert!(!worker.log().contains("pii-marker"));
}
