//! A local stack for development: the same parts as the demo, without a story.

use anyhow::Context;
use local_stack::free_port;
use testkit::{CrmPump, INGRESS, Setup, UNITS, WORKERS, World};

use crate::commands::{build, tools};

/// What a webhook of the local stack is signed with, or carries. No secret.
const WEBHOOK_SECRET: &str = "local-webhook-secret";

/// Starts the stack and its units, says how to reach them, and waits for Ctrl-C. Two stacks run side by side: every port
/// is free when it is taken.
///
/// # Errors
/// When something cannot be had or started.
#[tokio::main]
pub(crate) async fn run() -> anyhow::Result<()> {
    let tools = tools()?;
    let binaries = build(&UNITS, false)?;
    let world = World::build(Setup::DEFAULT.with_emulator(), &tools).await?;
    let webhooks = format!("127.0.0.1:{}", free_port()?);
    let ingress = [
        ("COPPICE_LISTEN_ADDRESS", webhooks.as_str()),
        ("COPPICE_STRIPE_WEBHOOK_SECRETS", WEBHOOK_SECRET),
        ("COPPICE_AUTH0_WEBHOOK_SECRETS", WEBHOOK_SECRET),
    ];
    let mut running = Vec::new();
    for unit in WORKERS.into_iter().chain([INGRESS]) {
        let binary = binaries.get(unit).and_then(|path| path.to_str());
        let binary = binary.context("the path of the checkout is not UTF-8")?;
        let settings = if unit == INGRESS { &ingress[..] } else { &[] };
        let worker = world.spawn_worker(binary, unit, settings);
        println!("{unit}: process {}, {}/readyz", worker.process.pid(), worker.health_url());
        running.push(worker);
    }
    let _crm_events = CrmPump::start(&world);
    println!("\nwebhooks: http://{webhooks}/webhooks/stripe and /auth0, secret {WEBHOOK_SECRET}");
    println!("\nthe environment of a worker of your own build:");
    for (name, value) in world.environment(WORKERS[0], free_port()?) {
        println!("  export {name}='{value}'");
    }
    println!("\nCtrl-C ends everything");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
