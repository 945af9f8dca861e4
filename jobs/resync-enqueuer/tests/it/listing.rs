//! The provider's own listing, and the guard.

use serde_json::json;
use simulators::okta::{self, OktaSimulator};
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::unit_binary;
use testkit::{World, okta_settings};

use crate::{BINARY, CRM, SSO, drain, enqueue, id, known_users, records, users, waiting};

#[tokio::test]
async fn a_listing_finds_new_users_and_stores_missing_users_as_gone() {
    let world = World::start().await;
    known_users(&world, 250).await;
    world.idp.delete(&id(7));
    world.idp.block(&id(8));
    users_more(&world);
    let said = enqueue(&world, &["listing"]).await;
    said.says(0, &["run begins"]);
    let listing = &said.json()["listing"];
    let seen = ["listed", "new", "changed", "missing", "stored"].map(|name| listing[name].as_i64().unwrap());
    assert_eq!(seen, [252, 3, 1, 1, 250], "{listing}");
    assert_eq!((&said.json()["sent"], &listing["unproven"]), (&json!(253), &json!(null)));
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(
        (records(&world, "gone_at is null").await, records(&world, "gone_at is not null").await),
        (252, 1)
    );
}

fn users_more(world: &World) {
    for name in ["x", "y", "z"] {
        world.idp.put_user(simulators::auth0::SimulatedUser::new(&format!("auth0|{name}")));
    }
}

#[tokio::test]
async fn with_changed_only_the_run_sends_only_changed_records() {
    let world = World::start().await;
    known_users(&world, 30).await;
    world.idp.block(&id(8));
    world.idp.delete(&id(9));
    let said = enqueue(&world, &["listing", "--changed-only"]).await;
    said.says(0, &[]);
    assert_eq!((&said.json()["sent"], waiting(&world, SSO).await), (&json!(2), 2));
}

#[tokio::test]
async fn the_guard_stops_a_listing_of_a_wrong_tenant_before_it_sends_and_names_the_flag() {
    let world = World::start().await;
    known_users(&world, 150).await;
    for number in 0..150 {
        world.idp.delete(&id(number));
    }
    users_more(&world);
    let stopped = enqueue(&world, &["listing"]).await;
    stopped.says(4, &["150 of the 150 stored records", "--allow-deletions 150", "--restart"]);
    assert_eq!(waiting(&world, SSO).await, 0);
    let asked = world.idp.total_requests();
    enqueue(&world, &["listing", "--allow-deletions", "149"]).await.says(4, &[]);
    let passed = enqueue(&world, &["listing", "--allow-deletions", "150"]).await;
    passed.says(0, &[]);
    assert_eq!((&passed.json()["sent"], waiting(&world, SSO).await), (&json!(153), 153));
    assert_eq!(world.idp.total_requests(), asked, "the run does not list the users again");
}

#[tokio::test]
async fn the_guard_also_stops_an_unusual_number_of_changes() {
    let world = World::start().await;
    known_users(&world, 20).await;
    sqlx::query("update source_record set version_at = version_at - interval '1 hour'")
        .execute(&world.pool)
        .await
        .unwrap();
    enqueue(&world, &["listing", "--allow-changes", "19"]).await.says(4, &["--allow-changes 20"]);
    assert_eq!(waiting(&world, SSO).await, 0);
    enqueue(&world, &["listing", "--allow-changes", "20"]).await.says(0, &[]);
}

#[tokio::test]
async fn a_dry_run_sends_no_message_and_leaves_no_run() {
    let world = World::start().await;
    users(&world, 20);
    let said = enqueue(&world, &["listing", "--dry-run"]).await;
    said.says(0, &[]);
    assert_eq!((&said.json()["sent"], waiting(&world, SSO).await), (&json!(20), 0));
    let runs: i64 =
        sqlx::query_scalar("select count(*) from resync_run").fetch_one(&world.pool).await.unwrap();
    assert_eq!(runs, 0);
}

#[tokio::test]
async fn a_listing_of_okta_has_deactivated_users_and_does_not_store_them_as_gone() {
    let world = World::start().await;
    let org = OktaSimulator::start().await;
    for number in 0..210 {
        org.put_user(okta::SimulatedUser::new(&format!("00u{number:05}")));
    }
    org.deactivate("00u00003");
    let (url, token) = (org.base_url(), org.api_token());
    let settings = okta_settings(&url, token);
    let list = async || world.run_job(BINARY, SSO, &["okta", "listing", "--json"], &settings).await;
    list().await.says(0, &[]);
    world.run_job(unit_binary(SSO), SSO, &[], &settings).await.says(0, &[]);
    org.deactivate("00u00004");
    org.delete("00u00005");
    let again = list().await;
    again.says(0, &[]);
    let listing = &again.json()["listing"];
    assert_eq!((&listing["missing"], &listing["stored"]), (&json!(1), &json!(210)), "{listing}");
}

#[tokio::test]
async fn the_enqueuer_lists_contacts_and_serves_a_worker_s_request_once() {
    let world = World::start().await;
    world.crm.set_page_size(10);
    for number in 0..25 {
        world.crm.put_contact(SimulatedContact::new(&contact_id(number)));
    }
    let requested = async || world.run_job(BINARY, CRM, &["salesforce", "requested", "--json"], &[]).await;
    let none = requested().await;
    none.says(0, &[]);
    assert_eq!(none.json()["sent"], 0);
    sqlx::query("insert into resync_request (source, cause) values ('salesforce', gen_random_uuid())")
        .execute(&world.pool)
        .await
        .unwrap();
    let served = requested().await;
    served.says(0, &[]);
    let report = served.json();
    assert_eq!((&report["sent"], &report["pages"]), (&json!(25), &json!(3)), "{report}");
    assert_eq!(requested().await.json()["sent"], 0, "the request is closed");
    drain(&world, CRM).await.says(0, &[]);
    assert_eq!(records(&world, "source = 'salesforce'").await, 25);
}
