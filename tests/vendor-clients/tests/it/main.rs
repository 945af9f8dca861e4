//! Tests of our simulators with the vendors' own clients.
//!
//! We wrote a simulator and our client from the same documentation of the vendor. If both have the same fault, every other
//! test passes. Here, programs by other authors read the simulators' answers and print them. The tests compare the output
//! with the simulator's state. The programs are the vendors' libraries for Python (`crates/local-stack/src/tools.rs`) and Node
//! (`package.json` of a folder in `clients/`) at pinned versions, run by the scripts in `clients/`.
//!
//! | simulator | client | what makes it fail |
//! |---|---|---|
//! | Auth0 | `auth0-python`, the vendor's | its models are validated on every reply; fields that they do not know are printed |
//! | Entra | `@microsoft/microsoft-graph-client`, the vendor's, which has no models | it follows links, and reads statuses and error codes |
//! | Okta | `okta`, the vendor's | its models are validated on every reply; fields that they do not know are lost |
//! | Stripe | `stripe`, the vendor's | its classes name each field and its kind, and the script compares |
//! | HubSpot | `@hubspot/api-client`, the vendor's | its models keep the fields that they know; it checks a webhook's signature |
//! | Salesforce | `simple-salesforce`, which has no models | it reads statuses and error codes |
//!
//! Not here: Persona, which has no maintained Python library; SCIM, whose server is a real one already
//! (`testkit::ScimServer`). Salesforce has no Python client of its own, so its client is the one in wide use.
//!
//! Where a vendor's API differs from the vendor's description, the simulator follows the API: Okta writes `null` for a missing
//! value, and `credentials.emails`; an Auth0 identity may have a number for its ID, which `auth0-python` reads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth0;
mod entra;
mod hubspot;
mod okta;
mod salesforce;
mod stripe;

use std::path::{Path, PathBuf};
use std::time::Duration;

use local_stack::Tools;
use serde_json::Value;
use simulators::NativeEvent;
use tokio::process::Command;

/// The first import of a vendor's library takes seconds, and the machine may be busy.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a script of `clients/` with these instructions, and returns its output.
///
/// # Panics
/// Panics with the script's errors if the script fails: the vendor's client has not understood the simulator.
async fn output_of(script: &str, instructions: Value) -> Value {
    let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
    let python = tokio::task::spawn_blocking(move || tools.vendor_clients_python()).await.unwrap().unwrap();
    let mut command = Command::new(python);
    // -I: ignores this machine's Python settings, and the script's folder hides no library of the same name.
    command.arg("-I");
    run(command, script, &[], instructions).await
}

/// The same with Node, and the packages of a folder of `clients/`.
async fn output_of_node(package: &str, script: &str, instructions: Value) -> Value {
    let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
    let (name, package) = (
        format!("vendor-clients-{package}"),
        Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(package),
    );
    let install = move || tools.node_packages(&name, &package);
    let folder = tokio::task::spawn_blocking(install).await.unwrap().unwrap();
    let packages = folder.join("node_modules");
    // Node itself comes as a package, in the version of the lock file.
    let programs = ["x64", "arm64"].map(|arch| packages.join(format!("node-linux-{arch}/bin/node")));
    let node = programs.into_iter().find(|program| program.is_file()).expect("Linux on x86-64 or ARM64");
    run(Command::new(node), script, &[("NODE_PATH", packages)], instructions).await
}

async fn run(
    mut command: Command,
    script: &str,
    variables: &[(&str, PathBuf)],
    instructions: Value,
) -> Value {
    let run = command
        .arg(format!("{}/clients/{script}", env!("CARGO_MANIFEST_DIR")))
        .arg(instructions.to_string())
        // No proxy, and no settings of the developer.
        .env_clear()
        .env("HOME", "/nonexistent")
        .envs(variables.iter().map(|(name, value)| (*name, value)))
        .kill_on_drop(true)
        .output();
    let run = tokio::time::timeout(LIMIT, run).await.expect("the client exceeds the limit").unwrap();
    assert!(run.status.success(), "{script} failed:\n{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// An event's body.
fn detail(event: &NativeEvent) -> Value {
    serde_json::from_str(&event.detail).unwrap()
}
