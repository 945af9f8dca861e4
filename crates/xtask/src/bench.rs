//! What `sso-sync` does in a second, and what it costs, in the local stack.
//!
//! The emulator, PostgreSQL and the simulated provider share the machine with the worker, and the emulator slows down
//! with the depth of its queue: the CPU of the worker's own process is the figure that carries over, messages a second
//! are a lower bound. Two sizes in one run, so that a cost which grows with the number of persons is seen.

use std::fs;
use std::time::Instant;

use anyhow::Context;
use local_stack::wait_until;
use testkit::simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, Setup, Worker, World};

use crate::commands::{build, tools};

const UNIT: &str = "sso-sync";

/// Messages that wait at once: more would measure the emulator's queue.
const WAVE: usize = 500;

/// Linux counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures creations and then changes of a quarter of `persons`, and of all of them.
///
/// # Errors
/// When something cannot be had or started, or messages are not handled in time.
#[tokio::main]
pub(crate) async fn run(persons: usize) -> anyhow::Result<()> {
    let tools = tools()?;
    let binaries = build(&[UNIT], true)?;
    let binary = binaries.get(UNIT).and_then(|path| path.to_str());
    let binary = binary.context("the path of the checkout is not UTF-8")?;
    println!(
        "\n{:>8} {:<10} {:>12} {:>24} {:>10}",
        "persons", "messages", "messages/s", "worker CPU s per 1,000", "RSS MB"
    );
    for size in [persons / 4, persons] {
        let world = World::build(Setup { visibility_secs: 60, ..Setup::default() }, &tools).await?;
        let settings = [
            ("COPPICE_RECEIVE_WAIT_SECS", "20"),
            ("COPPICE_SSO_TIMEOUT_SECS", "10"),
            ("AWS_ENDPOINT_URL", world.emulator_endpoint()),
        ];
        let worker = world.start_worker(binary, UNIT, &settings).await;
        measure(&world, &worker, size, "creations", |world, id| world.idp.put_user(SimulatedUser::new(id)))
            .await?;
        measure(&world, &worker, size, "changes", |world, id| {
            world.idp.update(id, |user| user.given_name = Some(String::from("Changed")))
        })
        .await?;
    }
    Ok(())
}

async fn measure(
    world: &World,
    worker: &Worker,
    size: usize,
    what: &str,
    change: impl Fn(&World, &str) -> testkit::simulators::auth0::Change,
) -> anyhow::Result<()> {
    let pid = worker.process.pid();
    let (mut seconds, mut cpu) = (0.0, 0.0);
    let ids: Vec<String> = (0..size).map(|number| format!("auth0|person{number}")).collect();
    for wave in ids.chunks(WAVE) {
        let bodies: Vec<String> =
            wave.iter().map(|id| change(world, id).stream_event().to_envelope_json()).collect();
        let (begun, cpu_before) = (Instant::now(), cpu_seconds(pid)?);
        world.enqueue_all(UNIT, &bodies).await?;
        wait_until(PATIENCE * 5, "the wave to be handled", async || {
            Ok((world.queue_depth(UNIT).await == (0, 0)).then_some(()))
        })
        .await?;
        seconds += begun.elapsed().as_secs_f64();
        cpu += cpu_seconds(pid)? - cpu_before;
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let messages = size as f64;
    println!(
        "{size:>8} {what:<10} {:>12.0} {:>24.3} {:>10.1}",
        messages / seconds,
        cpu / messages * 1000.0,
        resident_mb(pid)?
    );
    Ok(())
}

/// User and system time of a process: fields 14 and 15 of `/proc/<pid>/stat`.
fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("stat has a name")?;
    let ticks: Vec<f64> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn resident_mb(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("status has VmRSS")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("VmRSS has a number")?.parse()?;
    Ok(kilobytes / 1024.0)
}
