//! The dependencies of a fleet that runs in a local cluster: AWS emulator, Postgres, and simulated providers with persons. In:
//! an address of this machine that pods can reach. Out: under `target/cluster`, values for the chart (over
//! `deploy/helm/coppice/ci/emulator-values.yaml`) and Secrets. Must not know the cluster: the developer applies the files.

mod life;
mod relay;
mod values;

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, ensure};
use local_stack::TestDatabase;
use simulators::directus::DirectusSimulator;
use testkit::{CrmPump, Setup, World};

use crate::commands::{tools, workspace};
use life::Life;
use values::ClusterValues;

const COLLECTION: &str = "articles";

// As in production. `coppice doctor` reports a shorter timeout as a fault.
const VISIBILITY_SECS: u32 = 60;

#[tokio::main]
pub(crate) async fn run(address: Ipv4Addr, every: Duration) -> anyhow::Result<()> {
    ensure!(
        !address.is_loopback(),
        "{address} is the loopback address of each pod itself: name an address of this machine that pods can reach"
    );
    let setup = Setup { visibility_secs: VISIBILITY_SECS, ..Setup::DEFAULT.with_emulator() };
    let world = World::build(setup, &tools()?).await?;
    let content = DirectusSimulator::start().await;
    content.create_collections(&[COLLECTION]);
    // Empty, so that the chart's hook makes the schema.
    let database = TestDatabase::empty().await?;
    let values = ClusterValues::of(&world, &content, database.url(), address)?;
    let mut relays = Vec::new();
    for port in values.ports() {
        relays.push(relay::start(address, port).await?);
    }
    let folder = workspace().join("target/cluster");
    std::fs::create_dir_all(&folder).context("cannot make target/cluster")?;
    for (file, document) in [("values.json", values.values()), ("secrets.json", values.secrets())] {
        let path = folder.join(file);
        std::fs::write(&path, format!("{document:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("AWS endpoint {}", values.aws_endpoint);
    println!("database     {}", values.database_url);
    println!(
        "\nkubectl --namespace coppice apply --filename target/cluster/secrets.json\n\
         helm upgrade --install coppice deploy/helm/coppice --namespace coppice --values \
         deploy/helm/coppice/ci/emulator-values.yaml --values target/cluster/values.json\n\n\
         Press Ctrl-C to end everything.\n"
    );
    let _crm_events = CrmPump::start(&world);
    let _alarms = world.start_queue_metrics();
    let mut life = Life::new(&world, &content, database.url())?;
    let mut moments = tokio::time::interval(every);
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => return Ok(ended?),
            _ = moments.tick() => println!("{}", life.go_on().await?),
        }
    }
}
