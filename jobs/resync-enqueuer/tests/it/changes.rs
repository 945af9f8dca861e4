//! The providers' feeds of changes.

use serde_json::json;
use simulators::okta::{self, OktaSimulator};
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::{ScimServer, World, okta_settings, scim_settings};

use crate::{BINARY, CRM, SSO, drain, enqueue, id, known_users, records, users};

async fn cursor(world: &World) -> Option<String> {
    sqlx::query_scalar("select cursor from source_cursor").fetch_optional(&world.pool).await.unwrap()
}

#[tokio::test]
async fn the_enqueuer_sends_each_change_and_deletion_of_auth0_s_stream_once() {
    let world = World::start().await;
    known_users(&world, 12).await;
    enqueue(&world, &["changes"]).await.says(0, &[]);
    drain(&world, SSO).await.says(0, &[]);
    world.idp.block(&id(3));
    world.idp.delete(&id(4));
    let dry = enqueue(&world, &["changes", "--dry-run"]).await;
    let said = enqueue(&world, &["changes"]).await;
    said.says(0, &[]);
    assert_eq!(
        (&dry.json()["sent"], &said.json()["sent"]),
        (&json!(2), &json!(2)),
        "a dry run moves no cursor"
    );
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(records(&world, "gone_at is not null").await, 1);
    assert_eq!(enqueue(&world, &["changes"]).await.json()["sent"], 0);
}

#[tokio::test]
async fn the_enqueuer_sends_each_change_and_deletion_of_okta_s_log_once() {
    let world = World::start().await;
    let org = OktaSimulator::start().await;
    let (url, token) = (org.base_url(), org.api_token());
    let settings = okta_settings(&url, token);
    let changes = async || {
        let said = world.run_job(BINARY, SSO, &["okta", "changes", "--json"], &settings).await;
        said.says(0, &[]);
        said.json()["sent"].as_i64().unwrap()
    };
    for number in 0..5 {
        org.put_user(okta::SimulatedUser::new(&format!("00u{number}")));
    }
    org.sign_in("00u0", None);
    assert_eq!(changes().await, 5);
    org.suspend("00u1");
    org.delete("00u2");
    assert_eq!(changes().await, 2);
    assert_eq!(changes().await, 0);
}

#[tokio::test]
async fn salesforce_s_feed_has_deleted_contacts_and_runs_overlap_a_little() {
    let world = World::start().await;
    world.crm.set_page_size(4);
    let contacts: Vec<_> = (0..10).map(contact_id).collect();
    for id in &contacts {
        world.crm.put_contact(SimulatedContact::new(id));
    }
    let changes = async || {
        let said = world.run_job(BINARY, CRM, &["salesforce", "changes", "--json"], &[]).await;
        said.says(0, &[]);
        said.json()["sent"].as_i64().unwrap()
    };
    assert_eq!(changes().await, 10);
    drain(&world, CRM).await.says(0, &[]);
    world.crm.delete(&contacts[0]);
    assert_eq!(changes().await, 10, "the run sends all records of the overlap again");
    drain(&world, CRM).await.says(0, &[]);
    assert_eq!(records(&world, "gone_at is not null").await, 1);
}

#[tokio::test]
async fn the_enqueuer_lists_a_real_scim_server_and_finds_its_changes() {
    let world = World::start().await;
    let server = ScimServer::start().await;
    for number in 0..5 {
        server.create(&json!({ "userName": format!("scim-{number}") })).await;
    }
    let settings = scim_settings(server.base_url(), server.token());
    for origin in ["listing", "changes"] {
        let said = world.run_job(BINARY, SSO, &["scim", origin, "--json"], &settings).await;
        said.says(0, &[]);
        assert_eq!(said.json()["sent"], 5, "{origin}");
    }
}

#[tokio::test]
async fn the_error_about_an_expired_cursor_names_the_fix() {
    let world = World::start().await;
    users(&world, 2);
    enqueue(&world, &["changes"]).await.says(0, &[]);
    sqlx::query("update source_cursor set cursor = 'sim|999'").execute(&world.pool).await.unwrap();
    enqueue(&world, &["changes"]).await.says(1, &["--since"]);
    assert_eq!(cursor(&world).await.as_deref(), Some("sim|999"), "the cursor is unchanged");
    let since = ["changes", "--since", "2026-01-01T00:00:00Z"];
    enqueue(&world, &since).await.says(2, &["an interrupted run has the arguments", "--restart"]);
    let restarted = enqueue(&world, &[&since[..], &["--restart"]].concat()).await;
    restarted.says(0, &[]);
    assert_eq!(cursor(&world).await.as_deref(), Some("sim|2"));
}

#[tokio::test]
async fn a_run_with_since_does_not_move_the_stored_cursor() {
    let world = World::start().await;
    known_users(&world, 3).await;
    enqueue(&world, &["changes"]).await.says(0, &[]);
    let stored = cursor(&world).await;
    world.idp.block(&id(1));
    enqueue(&world, &["changes", "--since", "2026-01-01T00:00:00Z"]).await.says(0, &[]);
    assert_eq!(cursor(&world).await, stored);
    let said = enqueue(&world, &["changes"]).await;
    assert_eq!(said.json()["sent"], 1);
}
