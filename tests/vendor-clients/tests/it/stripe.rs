//! Reads the Stripe simulator with `stripe`.

use serde_json::json;
use simulators::identity::{SimulatedPerson, StripeSimulator};
use time::macros::date;

use crate::{detail, output_of};

#[tokio::test]
async fn stripe_s_client_reads_the_sessions_of_the_account() {
    let account = StripeSimulator::start().await;
    let person = SimulatedPerson::new("Ysolde", "Marchetti", date!(1984 - 02 - 29));
    let created = account.put_session("vs_verified", Some("P-1"));
    let processing = account.process("vs_verified");
    let verified = account.verify("vs_verified", &person);
    account.put_session("vs_refused", None);
    let refused = account.refuse("vs_refused", "document_expired");
    account.put_session("vs_redacted", None);
    account.verify("vs_redacted", &person);
    let redacted = account.redact("vs_redacted");
    account.put_session("vs_waits", None);
    let canceled = account.cancel("vs_waits");
    let changes = [created, processing, verified, refused, redacted, canceled];
    let events: Vec<_> = changes.iter().map(|change| detail(&change.partner_event())).collect();

    let output = output_of(
        "stripe_identity.py",
        json!({
            "url": account.base_url(), "api_key": account.api_key(), "events": events,
            "sessions": { "verified": "vs_verified", "refused": "vs_refused", "redacted": "vs_redacted" },
        }),
    )
    .await;

    let verified = &output["sessions"]["verified"];
    assert_eq!((&verified["status"], &verified["client_reference_id"]), (&json!("verified"), &json!("P-1")));
    let outputs = &verified["verified_outputs"];
    assert_eq!((&outputs["first_name"], &outputs["last_name"]), (&json!("Ysolde"), &json!("Marchetti")));
    assert_eq!(outputs["dob"], json!({ "year": 1984, "month": 2, "day": 29 }));
    assert_eq!(output["sessions"]["refused"]["last_error"]["code"], "document_expired");
    assert_eq!(output["sessions"]["redacted"]["redaction"]["status"], "redacted");
    assert_eq!(output["listed"].as_array().unwrap().len(), 1);
    assert_eq!(output["wrong"], json!([]), "Stripe has each field, with the same type");
    let missing = json!({ "kind": "InvalidRequestError", "status": 404, "code": "resource_missing" });
    assert_eq!(output["missing"], missing);
    assert_eq!(output["wrong_key"]["kind"], "AuthenticationError");
    assert_eq!(output["wrong_key"]["status"], 401);
}
