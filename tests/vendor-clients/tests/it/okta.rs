//! Reads the Okta simulator with `okta`.

use serde_json::{Value, json};
use simulators::okta::{OktaSimulator, SimulatedUser};

use crate::{detail, output_of};

const USER: &str = "00u1a2b3c4d5e6f7g8h9";

#[tokio::test]
async fn okta_s_client_reads_the_records_of_the_organization() {
    let org = OktaSimulator::start().await;
    let created = detail(&org.put_user(SimulatedUser::new(USER).with_employee_number("P-1")).log_event());
    let sign_in = detail(&org.sign_in(USER, Some("0oa1b2c3d4e5f6g7h8i9")));
    let session = detail(&org.sign_in(USER, None));
    let suspended = detail(&org.suspend(USER).log_event());
    let events = json!([created, sign_in, session, suspended]);

    let output = output_of(
        "okta_management.py",
        json!({
            "url": org.base_url(), "api_token": org.api_token(), "user": USER, "log_entry": sign_in["uuid"],
            "events": events,
        }),
    )
    .await;

    let mut user = org.user(USER).unwrap().to_json();
    // Okta sends this field, but neither its description nor its client has it.
    user["credentials"].as_object_mut().unwrap().remove("emails").unwrap();
    assert_eq!(output["user"], without_nulls(user));
    assert_eq!(output["listed"], json!([USER]));
    assert_eq!(output["log"], without_nulls(json!([sign_in])));
    assert_eq!(output["events"], without_nulls(events));
    assert_eq!(output["missing_user"], json!({ "status": 404, "code": "E0000007" }));
    assert_eq!(output["wrong_token"], json!({ "status": 401, "code": "E0000011" }));
}

/// Removes the fields that are `null`: Okta sends them, and its client drops them.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, field)| !field.is_null());
            fields.map(|(name, field)| (name, without_nulls(field))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
