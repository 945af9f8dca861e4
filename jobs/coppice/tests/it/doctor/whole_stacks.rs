//! A stack deployed from the template has no fault.

use fleet::Kind;
use serde_json::json;

use super::Clinic;

#[tokio::test]
async fn the_doctor_finds_no_fault_in_any_unit_of_a_whole_stack() {
    let clinic = Clinic::open().await;
    for unit in testkit::workers() {
        let said = clinic.examine(unit, &[]).await;
        said.says(
            0,
            &[
                "ok       credentials from: environment variables",
                "ok       bus coppice: it exists, and AWS accepts the credentials",
                &format!("ok       queue policy coppice-{unit}: it admits"),
                "rule(s) that send to it",
                &format!("ok       redrive policy coppice-{unit}: to coppice-{unit}-dlq after 50 receives"),
                &format!("ok       visibility timeout coppice-{unit}: 60 s"),
                &format!("ok       encryption coppice-{unit}: SSE-SQS"),
                "ok       queue policy coppice-undelivered: it admits",
                "rule(s) whose undeliverable events go to it",
                "ok       schema database",
                "ok       clock AWS",
                "ok       clock database",
                "accepts our credentials",
                ", 0 fault(s), ",
            ],
        );
    }
    for unit in fleet::with_queue().filter(|unit| unit.kind == Kind::Job).map(|unit| unit.name) {
        let queue =
            format!("ok       redrive policy coppice-{unit}: to coppice-{unit}-dlq after 50 receives");
        clinic.examine(unit, &[]).await.says(0, &[&queue, "accepts our credentials", ", 0 fault(s), "]);
    }
    let wrong = [("COPPICE_RESYNC_MAX_DELETIONS", "many")];
    clinic.examine("sso-resync", &wrong).await.says(2, &["COPPICE_RESYNC_MAX_DELETIONS"]);
    let secrets = [("COPPICE_STRIPE_WEBHOOK_SECRETS", "0123456789abcdef")];
    clinic
        .examine("webhook-ingress", &secrets)
        .await
        .says(0, &["ok       provider webhooks", "ok       bus coppice"]);
    let sso = clinic.examine("sso-sync", &[]).await;
    sso.says(
        0,
        &[
            "forwards it to coppice",
            "ok       sample events coppice-sso-sync: ",
            "ok       rule coppice-sso-sync-auth0-log: ENABLED",
        ],
    );
}

#[tokio::test]
async fn without_a_unit_the_doctor_checks_every_queue() {
    let clinic = Clinic::open().await;
    let coppice = env!("CARGO_BIN_EXE_coppice");
    let said = clinic.world.run_job(coppice, "none", &["doctor", "--json"], &[]).await;
    said.says(0, &[]);
    let report = said.json();
    assert_eq!((&report["healthy"], &report["unit"]), (&json!(true), &json!(null)));
    let checked = |check: &str, about: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|one| one["check"] == check && one["about"] == about)
            .map(|one| one["level"].clone())
    };
    for unit in testkit::workers().chain(["undelivered"]) {
        assert_eq!(
            checked("sample events", &format!("coppice-{unit}")),
            Some(json!("ok")),
            "{unit}\nin {report}"
        );
    }
    for unit in fleet::with_queue().filter(|unit| unit.kind == Kind::Job).map(|unit| unit.name) {
        assert_eq!(checked("redrive policy", &format!("coppice-{unit}")), Some(json!("ok")), "{unit}");
    }
    assert_eq!(checked("provider", "credentials"), Some(json!("skipped")));

    clinic
        .events
        .disable_rule()
        .event_bus_name("coppice")
        .name("coppice-app-login-okta-session")
        .send()
        .await
        .unwrap();
    let said = clinic.world.run_job(coppice, "none", &["doctor"], &[]).await;
    said.says(1, &["FAULT    rule coppice-app-login-okta-session: it is DISABLED"]);
}

#[tokio::test]
async fn without_a_unit_the_doctor_finds_a_missing_queue() {
    let clinic = Clinic::open().await;
    for queue in ["crm-sync", "crm-resync-dlq"] {
        let url = clinic.sqs.get_queue_url().queue_name(format!("coppice-{queue}")).send().await.unwrap();
        clinic.sqs.delete_queue().queue_url(url.queue_url.unwrap()).send().await.unwrap();
    }
    let coppice = env!("CARGO_BIN_EXE_coppice");
    let said = clinic.world.run_job(coppice, "none", &["doctor"], &[]).await;
    let missing =
        ["FAULT    queue coppice-crm-sync: it does not exist", "FAULT    queue coppice-crm-resync-dlq: it"];
    said.says(1, &missing);
}
