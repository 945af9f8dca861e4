//! The subscription by which Graph sends its changes: the run of the kind `changes` keeps it.

use serde_json::json;
use simulators::entra::{Application, EntraSimulator, SimulatedUser};
use testkit::{INGRESS, World, entra_settings, unit_binary};
use time::Duration;

use crate::{BINARY, SSO};

const APP: &str = "11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f";
const USER: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";

#[tokio::test]
async fn a_subscription_is_created_kept_and_renewed_when_that_is_due() {
    let world = World::start().await;
    let tenant = EntraSimulator::start().await;
    tenant.put_application(Application::new(APP).with_secret("s3cret"));
    let address = format!("127.0.0.1:{}", local_stack::free_port().unwrap());
    let (graph, notices) = (tenant.base_url(), format!("http://{address}/webhooks/entra"));
    let mut settings = entra_settings(&graph, tenant.tenant_id(), APP, "s3cret").to_vec();
    settings.extend([
        ("sources.entra.webhook_secrets", r#"[{ secret = "notices" }]"#),
        ("COPPICE_SECRET_NOTICES", "0123456789abcdef-state"),
    ]);
    let changes = async |more: &[(&str, &str)]| {
        let settings = [&settings[..], more].concat();
        world.run_job(BINARY, SSO, &["entra", "changes", "--json"], &settings).await
    };
    let without = changes(&[]).await;
    without.says(0, &[]);
    assert!(without.json().get("subscription").is_none() && tenant.subscriptions().is_empty());

    let named = [
        ("sources.entra.notification_url", notices.as_str()),
        ("sources.entra.notification_secret.secret", "notices"),
    ];
    tenant.put_user(SimulatedUser::new(USER));
    let unreachable = changes(&named).await;
    unreachable
        .says(1, &["the feed was read, but", "ValidationError", "notification_url in [sources.entra]"]);
    assert_eq!(unreachable.json()["sent"], 1, "the feed has what the source did not send");

    let of_ingress = [&settings[..], &named, &[("COPPICE_LISTEN_ADDRESS", address.as_str())]].concat();
    let ingress = world.start_worker(unit_binary(INGRESS), INGRESS, &of_ingress).await;
    let kept = async || {
        let said = changes(&named).await;
        said.says(0, &[]);
        said.json()["subscription"].clone()
    };
    let doctor = async |parts: &[&str]| {
        let settings = [&settings[..], &named].concat();
        let arguments = ["doctor", "--unit", "sso-sync"];
        let said = world.run_job(unit_binary("coppice"), "sso-sync", &arguments, &settings).await;
        for part in parts {
            assert!(said.out.contains(part), "{part}\nin {}", said.out);
        }
    };
    doctor(&["FAULT", "subscription of entra: there is none", "`resync-enqueuer entra changes`"]).await;
    assert_eq!(kept().await, json!("created"));
    doctor(&["subscription of entra: it lasts until 20"]).await;
    let first = tenant.subscriptions();
    assert_eq!(kept().await, json!("fresh"));
    assert_eq!(tenant.subscriptions(), first);

    tenant.update(USER, |user| user.enabled = false);
    assert_eq!(tenant.deliver(1).await, [200], "{}", ingress.log());

    tenant.pass_time(Duration::days(2));
    assert_eq!(kept().await, json!("renewed"));
    let [(id, end)] = tenant.subscriptions().try_into().unwrap();
    assert!(id == first[0].0 && end >= first[0].1);
    tenant.end_subscriptions();
    assert_eq!(kept().await, json!("created"));
    assert_eq!(tenant.subscriptions().len(), 1);
}
