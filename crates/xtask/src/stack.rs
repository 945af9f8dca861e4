//! Deploys the topology to a running emulator, for a fleet in a cluster. Out: the stack's outputs, as values of the chart
//! (`deploy/helm/coppice/README.md`). Must not know where the fleet runs.

use config::Config;
use local_stack::{EXAMPLE, Topology};
use serde_json::{Value, json};

const PREFIX: &str = "coppice";

#[tokio::main]
pub(crate) async fn run(endpoint: &str) -> anyhow::Result<()> {
    let topology = Topology::deploy(endpoint, PREFIX, &Config::parse(EXAMPLE)?, &[]).await?;
    println!("{:#}", json!({"stackOutputs": outputs(&topology)}));
    Ok(())
}

/// The outputs in the form of the chart's `stackOutputs`.
pub(crate) fn outputs(topology: &Topology) -> Vec<Value> {
    // As `aws cloudformation describe-stacks` prints them.
    let output = |(name, value)| json!({"OutputKey": name, "OutputValue": value});
    topology.outputs().map(output).collect()
}
