//! A local stack for development: the parts of the demo, without the story.

use std::sync::Arc;

use anyhow::Context;
use local_stack::free_port;
use testkit::{CrmPump, INGRESS, OPERATORS_TOOL, Setup, World, workers};

use crate::commands::{build, tools};
use crate::demo::persons::{ADA, BOB, sign_up};
use crate::person;

// The secret is public.
const WEBHOOK_SECRET: &str = "local-webhook-secret";

// As in production. `coppice doctor` reports a shorter timeout as a fault.
const VISIBILITY_SECS: u32 = 60;

/// Starts the stack and its units, checks them, prints how to reach them, and waits for Ctrl-C.
#[tokio::main]
pub(crate) async fn run() -> anyhow::Result<()> {
    let tools = tools()?;
    let binaries = build(fleet::names(), false)?;
    println!("starting PostgreSQL, the AWS emulator and simulated providers (about 10 s)");
    let setup = Setup { visibility_secs: VISIBILITY_SECS, ..Setup::DEFAULT.with_emulator() };
    let world = Arc::new(World::build(setup, &tools).await?);
    // Free ports, so that two stacks can run side by side.
    let webhooks = format!("127.0.0.1:{}", free_port()?);
    let ingress = [
        ("COPPICE_LISTEN_ADDRESS", webhooks.as_str()),
        ("sources.stripe.webhook_secrets", r#"[{ secret = "webhook" }]"#),
        ("sources.auth0.webhook_secrets", r#"[{ secret = "webhook" }]"#),
        ("COPPICE_SECRET_WEBHOOK", WEBHOOK_SECRET),
    ];
    let path = |unit: &str| {
        let binary = binaries.get(unit).and_then(|path| path.to_str());
        binary.context("the path of the checkout is not UTF-8")
    };
    let mut running = Vec::new();
    for unit in workers().chain([INGRESS]) {
        let settings = if unit == INGRESS { &ingress[..] } else { &[] };
        let worker = world.spawn_worker(path(unit)?, unit, settings);
        worker.wait_until_ready().await;
        println!("{unit}: process {}, {}/readyz", worker.process.pid(), worker.health_url());
        running.push(worker);
    }
    let _crm_events = CrmPump::start(&world);
    sign_up(&world, ADA, "Adaline").await;
    sign_up(&world, BOB, "Bartholomew").await;
    println!("\nThe result of `coppice doctor` for each worker:");
    for unit in workers() {
        let said = world.run_job(path(OPERATORS_TOOL)?, unit, &["doctor", "--unit", unit], &[]).await;
        print!("{}", last_line(unit, &said.out));
        anyhow::ensure!(
            said.code == Some(0),
            "`coppice doctor --unit {unit}` finds a fault:\n{}{}",
            said.out,
            said.err
        );
    }
    person::serve(Arc::clone(&world)).await?;
    println!("\nwebhooks: http://{webhooks}/webhooks/stripe and /auth0, secret {WEBHOOK_SECRET}");
    println!("\nThe environment of sso-sync, for a worker that you start yourself and for `coppice`:");
    // With the rights of the schema's owner.
    for (name, value) in world.environment("migrate", "sso-sync", free_port()?) {
        println!("  export {name}='{value}'");
    }
    println!(
        "\nAda and Bob have signed up. In another terminal, change a person at the identity provider and see the change arrive:\n  \
         cargo xtask person list\n  \
         cargo xtask person change ada --email ada@new.example.org\n  \
         psql {} -c 'select * from person_profile'\n\nPress Ctrl-C to end everything.",
        world.database_url()
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn last_line(unit: &str, report: &str) -> String {
    // The last line of a report is its summary.
    format!("  {unit:<22} {}\n", report.trim_end().lines().last().unwrap_or_default())
}
