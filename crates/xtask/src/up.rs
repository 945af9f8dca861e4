//! A local stack for development: the parts of the demo with a file of the developer's choice, without the story.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use config::Config;
use testkit::{OPERATORS_TOOL, Setup, World};

use crate::commands::{build, tools};
use crate::local::persons::{ADA, BOB, sign_up};
use crate::local::sources::{BEARER, SECRET};
use crate::local::stage::Stage;
use crate::person;

// As in production. `coppice doctor` reports a shorter timeout as a fault.
const VISIBILITY_SECS: u32 = 60;

/// The source where Ada and Bob sign up, and the branch whose environment is printed.
const ACCOUNTS: &str = "auth0";
const BRANCH: &str = "sso-sync-auth0";

/// Starts the stack and its units, checks them, prints how to reach them, and waits for Ctrl-C.
#[tokio::main]
pub(crate) async fn run(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    // It lives as long as the process.
    let text: &'static str = text.leak();
    let config = Config::parse(text).with_context(|| file.display().to_string())?;
    let tools = tools()?;
    let binaries = build(fleet::names(), false)?;
    println!("starting PostgreSQL, the AWS emulator and the sources' servers (about 10 s)");
    let setup =
        Setup { visibility_secs: VISIBILITY_SECS, ..Setup::DEFAULT.with_emulator().with_sources(text) };
    let world = Arc::new(World::build(setup, &tools).await?);
    let stage = Stage::set(&world, &binaries, text).await?;
    let has_accounts = config.sources().any(|source| source.name == ACCOUNTS);
    if has_accounts {
        sign_up(&world, ADA, "Adaline").await;
        sign_up(&world, BOB, "Bartholomew").await;
    }
    println!("\nThe result of `coppice doctor` for each worker:");
    for branch in stage.workers_branches() {
        let doctor = ["doctor", "--unit", branch.unit.name];
        let report = stage.output(&branch.name(), OPERATORS_TOOL, &doctor, 0).await?;
        // The last line of a report is its summary.
        println!("  {:<30} {}", branch.name(), report.trim_end().lines().last().unwrap_or_default());
    }
    person::serve(Arc::clone(&world)).await?;
    let branch = if has_accounts { BRANCH.to_owned() } else { stage.branches[0].name() };
    println!("\nThe environment of {branch}, for a worker that you start yourself and for `coppice`:");
    // With the rights of the schema's owner.
    for (name, value) in stage.environment("migrate", &branch)? {
        println!("  export {name}='{value}'");
    }
    let directory = &stage.sources.directory;
    for (name, value) in [
        ("DIRECTORY_URL", directory.base_url()),
        ("DIRECTORY_TOKEN", directory.token()),
        ("WEBHOOKS_URL", &format!("http://{}/webhooks", stage.ingress.address)),
        ("WEBHOOKS_SECRET", SECRET),
        ("WEBHOOKS_BEARER", BEARER),
    ] {
        println!("  export {name}='{value}'");
    }
    println!(
        "\nIn another terminal, change a person at Auth0 and see the change arrive:\n  \
         cargo xtask person list\n  \
         cargo xtask person change ada --email ada@new.example.org\n  \
         psql {} -c 'select * from person_profile'\n\nPress Ctrl-C to end everything.",
        world.database_url()
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}
