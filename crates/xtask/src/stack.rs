//! The topology in an emulator that somebody else started, for a fleet in a cluster.
//!
//! In: the emulator's address. Out: what `aws cloudformation describe-stacks` would say, as the chart wants it
//! (`deploy/helm/coppice/README.md`). Must not know where the fleet runs.

use local_stack::Topology;
use serde_json::{Value, json};

/// The template's default.
const PREFIX: &str = "coppice";

/// Deploys, and prints the outputs.
///
/// # Errors
/// When the emulator does not answer, or has such a stack already and will not have another.
#[tokio::main]
pub(crate) async fn run(endpoint: &str) -> anyhow::Result<()> {
    let topology = Topology::deploy(endpoint, PREFIX, &[]).await?;
    println!("{:#}", json!({"stackOutputs": outputs(&topology)}));
    Ok(())
}

/// The outputs, as the chart's `stackOutputs` wants them.
pub(crate) fn outputs(topology: &Topology) -> Vec<Value> {
    let output = |(name, value)| json!({"OutputKey": name, "OutputValue": value});
    topology.outputs().map(output).collect()
}
