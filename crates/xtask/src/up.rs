//! A local stack for development: the same parts as the demo, without a story.

use anyhow::Context;
use testkit::{Setup, World};

use crate::commands::{build_worker, tools};

/// The workers that there are.
const WORKERS: [&str; 1] = ["sso-sync"];

/// Starts the stack and its workers, says how to reach them, and waits for Ctrl-C. Two stacks run side by side: every
/// port is free when it is taken.
///
/// # Errors
/// When something cannot be had or started.
#[tokio::main]
pub(crate) async fn run() -> anyhow::Result<()> {
    let tools = tools()?;
    let world = World::build(Setup::default(), &tools).await?;
    let mut running = Vec::new();
    for unit in WORKERS {
        let binary = build_worker(unit, false)?;
        let binary = binary.to_str().context("the path of the checkout is not UTF-8")?;
        let worker = world.spawn_worker(binary, unit, &[]);
        println!("{unit}: process {}, {}/readyz", worker.process.pid(), worker.health_url());
        running.push(worker);
    }
    println!("\nthe environment of a worker of your own build:");
    for (name, value) in world.environment(WORKERS[0], local_stack::free_port()?) {
        println!("  export {name}='{value}'");
    }
    println!("\nCtrl-C ends everything");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
