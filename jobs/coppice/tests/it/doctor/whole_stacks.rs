//! A stack deployed from the template has no fault.

use fleet::Kind;
use serde_json::json;

use super::Clinic;

/// The units with a queue, each with its branch. A world has one source of each role but the registry.
fn branches() -> Vec<(&'static fleet::Unit, String)> {
    let source = |unit: &fleet::Unit| match unit.name {
        "sso-sync" | "sso-resync" | "app-login" => Some("auth0"),
        "identity-verification" => Some("stripe"),
        "registry-sync" | "registry-resync" => None,
        _ => Some("salesforce"),
    };
    let branch = |unit: &'static fleet::Unit| Some((unit, format!("{}-{}", unit.name, source(unit)?)));
    fleet::with_queue().filter_map(branch).collect()
}

#[tokio::test]
async fn the_doctor_finds_no_fault_in_any_unit_of_a_whole_stack() {
    let clinic = Clinic::open().await;
    let branches = branches();
    for (unit, branch) in branches.iter().filter(|(unit, _)| unit.kind == Kind::Worker) {
        let said = clinic.examine(unit.name, &[]).await;
        said.says(
            0,
            &[
                "ok       credentials from: environment variables",
                "ok       bus coppice: it exists, and AWS accepts the credentials",
                &format!("ok       queue policy coppice-{branch}: it admits"),
                "rule(s) that send to it",
                &format!(
                    "ok       redrive policy coppice-{branch}: to coppice-{branch}-dlq after 50 receives"
                ),
                &format!("ok       visibility timeout coppice-{branch}: 60 s"),
                &format!("ok       encryption coppice-{branch}: SSE-SQS"),
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
    for (unit, branch) in branches.iter().filter(|(unit, _)| unit.kind == Kind::Job) {
        let queue =
            format!("ok       redrive policy coppice-{branch}: to coppice-{branch}-dlq after 50 receives");
        clinic.examine(unit.name, &[]).await.says(0, &[&queue, "accepts our credentials", ", 0 fault(s), "]);
    }
    let wrong = [("COPPICE_RESYNC_MAX_DELETIONS", "many")];
    clinic.examine("sso-resync", &wrong).await.says(2, &["COPPICE_RESYNC_MAX_DELETIONS"]);
    let secrets = [
        ("sources.stripe.webhook_secrets", r#"[{ secret = "webhook" }]"#),
        ("COPPICE_SECRET_WEBHOOK", "0123456789abcdef"),
    ];
    clinic
        .examine("webhook-ingress", &secrets)
        .await
        .says(0, &["ok       provider webhooks", "ok       bus coppice"]);
    let sso = clinic.examine("sso-sync", &[]).await;
    sso.says(
        0,
        &[
            "forwards it to coppice",
            "ok       pattern coppice-sso-sync-auth0: 9 rule(s), each as coppice.toml needs it",
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
    assert_eq!(checked("pattern", "coppice-undelivered"), Some(json!("ok")), "{report}");
    for (unit, branch) in branches() {
        let queue = format!("coppice-{branch}");
        assert_eq!(checked("redrive policy", &queue), Some(json!("ok")), "{branch}");
        let by_rules = (unit.kind == Kind::Worker).then(|| json!("ok"));
        assert_eq!(checked("pattern", &queue), by_rules, "{branch}\nin {report}");
    }
    assert_eq!(checked("provider", "credentials"), Some(json!("skipped")));

    clinic
        .events
        .disable_rule()
        .event_bus_name("coppice")
        .name("coppice-app-login-auth0-log")
        .send()
        .await
        .unwrap();
    let said = clinic.world.run_job(coppice, "none", &["doctor"], &[]).await;
    said.says(1, &["FAULT    rule coppice-app-login-auth0-log: it is DISABLED"]);
}

#[tokio::test]
async fn without_a_unit_the_doctor_finds_a_missing_queue() {
    let clinic = Clinic::open().await;
    for queue in ["crm-sync-salesforce", "crm-resync-salesforce-dlq"] {
        let url = clinic.sqs.get_queue_url().queue_name(format!("coppice-{queue}")).send().await.unwrap();
        clinic.sqs.delete_queue().queue_url(url.queue_url.unwrap()).send().await.unwrap();
    }
    let coppice = env!("CARGO_BIN_EXE_coppice");
    let said = clinic.world.run_job(coppice, "none", &["doctor"], &[]).await;
    let missing = [
        "FAULT    queue coppice-crm-sync-salesforce: it does not exist",
        "FAULT    queue coppice-crm-resync-salesforce-dlq: it",
    ];
    said.says(1, &missing);
}
