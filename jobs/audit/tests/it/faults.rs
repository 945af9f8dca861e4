//! Sources with outages, wrong settings, and signals.

use serde_json::json;
use simulators::auth0::Fault;

use crate::world::{BINARY, BOTH, SSO, audit, audit_with, change_unseen, findings, in_step, results, user};

#[tokio::test]
async fn the_audit_skips_a_source_that_is_down_and_compares_the_others() {
    let mut world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    world.idp_server.refuse_connections().await;
    let said = audit(&world, &BOTH).await;
    said.says(1, &["provider is unavailable: connect"]);
    let sources = said.json()["sources"].clone();
    assert_eq!(sources[0], json!({"source": "auth0", "down": "provider is unavailable: connect"}));
    assert_eq!(findings(&said, "salesforce")["divergent"], json!({}));
    assert_eq!(results(&world).await, ["salesforce 2 0 2 0 0"]);
}

#[tokio::test]
async fn refused_credentials_are_no_divergence() {
    let world = in_step().await;
    let wrong = [("COPPICE_SECRET_AUTH0_CLIENT_SECRET", "wrong")];
    audit_with(&world, &SSO, &wrong).await.says(1, &["\"down\": \"provider refuses our credentials\""]);
    world.idp.set_fault(Fault::WrongJson);
    audit(&world, &SSO).await.says(1, &["\"down\""]);
    assert_eq!(results(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_record_that_a_healthy_source_cannot_return_counts_as_unreadable() {
    let world = in_step().await;
    world.idp.set_status(&user(1), Some(500));
    let said = audit(&world, &SSO).await;
    said.says(1, &[]);
    let auth0 = findings(&said, "auth0");
    assert_eq!((&auth0["divergent"], &auth0["unreadable"]), (&json!({}), &json!([user(1)])));
    assert_eq!(auth0["sample"]["records"], json!(3), "an unreadable record is not in the sample");
    assert_eq!(results(&world).await, ["auth0 3 0 3 0 1"]);
}

#[tokio::test]
async fn the_audit_waits_out_a_rate_limit_and_loses_no_record() {
    let world = in_step().await;
    world.idp.set_rate_limit(2, std::time::Duration::from_secs(1));
    let said = audit(&world, &SSO).await;
    said.says(0, &[]);
    assert_eq!(findings(&said, "auth0")["compared"], json!(4));
}

#[tokio::test]
async fn a_signal_ends_the_audit_with_exit_code_5_and_without_a_report() {
    let world = in_step().await;
    let gate = world.idp.hold(&user(1));
    let patient = [("sources.auth0.timeout_secs", "25")];
    let job = world.start_job(BINARY, "audit", &SSO, &patient);
    gate.arrived(1).await;
    job.terminate();
    let said = job.end().await;
    said.says(5, &["stopped while comparing auth0"]);
    assert_eq!(said.out, "");
}

#[tokio::test]
async fn the_audit_lists_all_missing_settings_of_its_sources_and_no_others() {
    let world = in_step().await;
    let missing = [("DATABASE_URL", ""), ("sources.auth0.url", "")];
    let wanted = ["--source", "auth0", "--repair"];
    let parts =
        ["DATABASE_URL: is not set", "sources.auth0.url: is missing", "COPPICE_QUEUE_URLS: is not set"];
    audit_with(&world, &wanted, &missing).await.says(2, &parts);
    let another = [("COPPICE_QUEUE_URLS", r#"{"sso-resync-okta": "http://queue"}"#)];
    let no_queue = ["COPPICE_QUEUE_URLS has no queue of sso-resync-auth0"];
    audit_with(&world, &wanted, &another).await.says(2, &no_queue);
    let no_crm = [("COPPICE_SECRET_SALESFORCE_CLIENT_SECRET", "")];
    audit_with(&world, &SSO, &no_crm).await.says(0, &[]);
    audit_with(&world, &BOTH, &no_crm)
        .await
        .says(2, &["COPPICE_SECRET_SALESFORCE_CLIENT_SECRET: is not set"]);
    let two = ["--source", "auth0,salesforce", "--repair", "--queue-url", "http://queue"];
    audit(&world, &two).await.says(2, &["--queue-url is the queue of one source"]);
}
