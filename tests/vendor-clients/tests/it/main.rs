//! Vendors' own clients against our simulators.
//!
//! A simulator is written from the vendor's documentation, and our client from the same: both can be wrong alike, and then
//! every other test is green. Here programs that neither of us wrote read what the simulators answer, and tell what they
//! have read; that is compared with what the simulator holds. They are the vendors' Python libraries at pinned versions
//! (`crates/local-stack/src/tools.rs`), run by the scripts in `clients/`.
//!
//! | simulator | client | what makes it fail |
//! |---|---|---|
//! | Auth0 | `auth0-python`, the vendor's | its models are validated on every reply; fields that they do not know are told |
//! | Okta | `okta`, the vendor's | its models are validated on every reply; fields that they do not know are lost |
//! | Stripe | `stripe`, the vendor's | its classes name each field and its kind, and the script compares |
//! | Salesforce | `simple-salesforce`, which has no models | it decides by statuses and error codes what has happened |
//!
//! Not here: Persona, which has no Python library that is kept up; SCIM, whose server is a real one already
//! (`testkit::ScimServer`). Salesforce's client is the widely used one, since Salesforce has none of its own for Python.
//!
//! What the simulators do against a vendor's own description, because the vendor does: Okta writes `null` for what is not
//! there, and `credentials.emails`; an Auth0 identity may have a number for its ID, which `auth0-python` reads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth0;
mod okta;
mod salesforce;
mod stripe;

use std::time::Duration;

use local_stack::Tools;
use serde_json::Value;
use testkit::simulators::auth0::NativeEvent;
use tokio::process::Command;

/// Importing a vendor's library for the first time takes seconds, and the machine may be busy.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a script of `clients/` with this order, and answers with what it tells.
///
/// # Panics
/// With what it says, when it does not end well: then the vendor's client has not understood the simulator.
async fn told_by(script: &str, order: Value) -> Value {
    let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
    let python = tokio::task::spawn_blocking(move || tools.vendor_clients_python()).await.unwrap().unwrap();
    let run = Command::new(python)
        // -I: nothing of this machine's own Python, and the script's folder hides no library of the same name.
        .arg("-I")
        .arg(format!("{}/clients/{script}", env!("CARGO_MANIFEST_DIR")))
        .arg(order.to_string())
        // No proxy, no settings of a developer's own.
        .env_clear()
        .env("HOME", "/nonexistent")
        .kill_on_drop(true)
        .output();
    let run = tokio::time::timeout(LIMIT, run).await.expect("the client ends in time").unwrap();
    assert!(run.status.success(), "{script} failed:\n{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

/// An event's body.
fn detail(event: &NativeEvent) -> Value {
    serde_json::from_str(&event.detail).unwrap()
}
