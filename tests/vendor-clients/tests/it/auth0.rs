//! Reads the Auth0 simulator with `auth0-python`.

use serde_json::json;
use simulators::auth0::{Auth0Simulator, SimulatedIdentity, SimulatedUser};

use crate::{detail, output_of};

const USER: &str = "auth0|7f3a91";

#[tokio::test]
async fn auth0_python_reads_the_records_of_the_tenant() {
    let tenant = Auth0Simulator::start().await;
    let linked = SimulatedIdentity::new("google-oauth2", "google-oauth2", json!(117_700_000_000_042_u64));
    let user = SimulatedUser::new(USER).with_person_key("P-1").with_identity(linked);
    let created = detail(&tenant.put_user(user).stream_event());
    let updated = detail(&tenant.block(USER).stream_event());
    tenant.put_user(SimulatedUser::new("auth0|9c2b40"));
    let deleted = detail(&tenant.delete("auth0|9c2b40").stream_event());
    let sign_in = detail(&tenant.sign_in(USER, "portal"));

    let output = output_of(
        "auth0_management.py",
        json!({
            "url": tenant.base_url(), "audience": tenant.audience(),
            "client_id": tenant.client_id(), "client_secret": tenant.client_secret(),
            "user": USER, "log_entry": sign_in["log_id"], "events": [created, updated, deleted],
        }),
    )
    .await;

    assert_eq!(output["user"], tenant.user(USER).unwrap().to_json());
    assert_eq!((&output["listed"], output["total"].as_f64()), (&json!([USER]), Some(1.0)));
    assert_eq!(output["log_entry"], sign_in["data"]);
    let object = |event: &serde_json::Value| event["data"]["object"].clone();
    let events = json!({
        "user.created": object(&created), "user.updated": object(&updated), "user.deleted": object(&deleted)
    });
    assert_eq!(output["events"], events);
    // Auth0's description of its log has these three fields. The library's model lacks them.
    let lagging = ["log_entry.$event_schema", "log_entry.environment_name", "log_entry.tenant_name"];
    assert_eq!(output["unknown"], json!(lagging), "no other field is unknown to Auth0");
    let refused = |kind, status, code| json!({ "kind": kind, "status": status, "code": code });
    assert_eq!(output["missing_user"], refused("NotFoundError", 404, "inexistent_user"));
    assert_eq!(output["missing_entry"], refused("NotFoundError", 404, "inexistent_log"));
    assert_eq!(output["wrong_token"], refused("UnauthorizedError", 401, "invalid_token"));
}
