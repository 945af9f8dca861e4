//! Tests of our simulators with the vendors' own clients.
//!
//! We wrote a simulator and our client from the same documentation of the vendor. If both have the same fault, every other
//! test passes. Here, programs by other authors read the simulators' answers and print them. The tests compare the output
//! with the simulator's state. The programs are the vendors' Python libraries at pinned versions
//! (`crates/local-stack/src/tools.rs`), run by the scripts in `clients/`; `HubSpot`'s is one of Node, in a folder there.
//!
//! | simulator | client | what makes it fail |
//! |---|---|---|
//! | Auth0 | `auth0-python`, the vendor's | its models are validated on every reply; fields that they do not know are printed |
//! | Okta | `okta`, the vendor's | its models are validated on every reply; fields that they do not know are lost |
//! | Stripe | `stripe`, the vendor's | its classes name each field and its kind, and the script compares |
//! | `HubSpot` | `@hubspot/api-client`, the vendor's | its models keep the fields that they know; it checks a webhook's signature |
//! | Salesforce | `simple-salesforce`, which has no models | it reads statuses and error codes |
//!
//! Not here: Persona, which has no maintained Python library; SCIM, whose server is a real one already
//! (`testkit::ScimServer`). Salesforce has no Python client of its own, so its client is the one in wide use.
//!
//! Where a vendor's API differs from the vendor's description, the simulator follows the API: Okta writes `null` for a missing
//! value, and `credentials.emails`; an Auth0 identity may have a number for its ID, which `auth0-python` reads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth0;
mod hubspot;
mod okta;
mod salesforce;
mod stripe;

use std::path::Path;
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
    let mut run = Command::new(python);
    // -I: ignores this machine's Python settings, and the script's folder hides no library of the same name.
    run.arg("-I").arg(format!("{}/clients/{script}", env!("CARGO_MANIFEST_DIR")));
    output(run, script, &instructions).await
}

/// The same for `contacts.js` of a folder of `clients/` with packages of Node.
async fn output_of_node(folder: &'static str, instructions: Value) -> Value {
    let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(folder);
    let name = format!("vendor-clients-{folder}");
    let packages = {
        let own = own.clone();
        tokio::task::spawn_blocking(move || tools.node_packages(&name, &own)).await.unwrap().unwrap()
    };
    // Node itself comes as a package, in the version of the lock file.
    let node = ["x64", "arm64"].map(|arch| packages.join(format!("node_modules/node-linux-{arch}/bin/node")));
    let mut run =
        Command::new(node.iter().find(|program| program.is_file()).expect("a Node for this machine"));
    run.arg(own.join("contacts.js"));
    run.current_dir(&packages);
    output(run, folder, &instructions).await
}

async fn output(mut run: Command, script: &str, instructions: &Value) -> Value {
    let run = run
        .arg(instructions.to_string())
        // No proxy, and no settings of the developer.
        .env_clear()
        .env("HOME", "/nonexistent")
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
