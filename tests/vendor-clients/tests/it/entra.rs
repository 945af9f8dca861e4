//! Reads the Entra simulator with `@microsoft/microsoft-graph-client`.

use serde_json::{Value, json};
use simulators::entra::{Application, EntraSimulator, SimulatedUser};

use crate::output_of_node;

const USERS: [&str; 3] = [
    "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8",
    "51c2e8aa-0f0e-4a52-8c1d-1b2f3a4c5d6e",
    "7d5f0c11-93ab-4b7e-a2f0-6e8d1c2b3a49",
];
const DELETED: &str = "9e0d1c2b-3a49-4f58-8672-615041302f1e";
const UNKNOWN: &str = "00aa11bb-22cc-43dd-84ee-5566ff778899";
const APP: &str = "11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f";

#[tokio::test]
async fn microsoft_s_client_reads_the_tenant_and_subscribes_to_it() {
    let tenant = EntraSimulator::start().await;
    tenant.put_application(Application::new(APP).with_secret("s3cret"));
    tenant.put_user(SimulatedUser::new(USERS[0]).with_employee_id("P-1"));
    for id in [USERS[1], USERS[2], DELETED] {
        tenant.put_user(SimulatedUser::new(id));
    }
    tenant.delete(DELETED);
    tenant.set_delta_page(2);
    let sign_in = tenant.sign_in(USERS[0], None);

    let output = output_of_node(
        "graph",
        "entra_graph.cjs",
        json!({
            "url": tenant.base_url(), "tenant": tenant.tenant_id(), "client_id": APP, "client_secret": "s3cret",
            "user": USERS[0], "deleted": DELETED, "unknown": UNKNOWN, "sign_in": sign_in["id"],
        }),
    )
    .await;

    let user = tenant.user(USERS[0]).unwrap();
    assert_eq!((&output["user"]["mail"], &output["user"]["id"]), (&json!(user.mail), &json!(USERS[0])));
    assert_eq!(output["user"].get("accountEnabled"), None, "it is not selected");
    let selected = &output["selected"];
    assert_eq!((&selected["accountEnabled"], &selected["employeeId"]), (&json!(true), &json!("P-1")));
    assert_eq!(output["listed"], json!(USERS));
    assert_eq!((&output["deleted"]["id"], &output["deleted_list"]), (&json!(DELETED), &json!([DELETED])));
    assert!(output["deleted"]["deletedDateTime"].is_string());
    assert_eq!((&output["restored"], &output["second"]), (&json!(DELETED), &json!([DELETED])));
    assert_eq!(without_context(&output["sign_in"]), sign_in);
    rounds_are_followed(&output);
    subscriptions_are_understood(&output["subscription"]);
    let refused = |status, code| json!({ "status": status, "code": code });
    assert_eq!(output["missing"], refused(404, "Request_ResourceNotFound"));
    assert_eq!(output["wrong_field"], refused(400, "Request_BadRequest"));
    assert_eq!(output["wrong_page"], refused(400, "Request_UnsupportedQuery"));
    assert_eq!(output["wrong_token"], refused(401, "InvalidAuthenticationToken"));
    assert_eq!(tenant.token_requests(), 1);
}

fn without_context(body: &Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove("@odata.context").unwrap();
    body
}

fn rounds_are_followed(output: &Value) {
    let items = output["first"].as_array().unwrap();
    let ids: Vec<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [USERS[0], USERS[1], USERS[2], DELETED]);
    assert_eq!(items[3], json!({ "id": DELETED, "@removed": { "reason": "changed" } }));
}

fn subscriptions_are_understood(output: &Value) {
    let (created, renewed) = (&output["created"], &output["renewed"]);
    assert_eq!((&created["id"], &created["resource"]), (&renewed["id"], &json!("users")));
    assert_ne!(created["expirationDateTime"], renewed["expirationDateTime"]);
    assert_eq!(output["listed"][0]["id"], created["id"]);
    assert_eq!(output["listed"][0]["clientState"], Value::Null, "the secret is not shown");
    let refused = json!({ "status": 400, "code": "ValidationError" });
    assert_eq!((&output["tooLong"], &output["unanswered"]), (&refused, &refused));
}
