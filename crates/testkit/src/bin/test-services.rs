//! nextest's setup script: starts what all tests of a run share, and ends it when nextest ends.
//!
//! In: the file of `NEXTEST_ENV`, into which the tests' variables are written. Out: running services ([`Services`]). nextest
//! has no script that runs at the end, so the services live in a second process, which watches the run's own.

#![expect(clippy::disallowed_methods, reason = "a setup script has no input but its environment")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use local_stack::{SHARED_SERVER, Tools};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use testkit::services::Services;

const READY: &str = "ready";

/// How often the server looks whether the run has ended.
const LOOK: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("serve"), Some(run)) => serve(run.parse()?),
        _ => set_up(),
    }
}

/// Starts the second process, and passes on to nextest what it says.
fn set_up() -> anyhow::Result<()> {
    if std::env::var_os(SHARED_SERVER).is_some() {
        return Ok(());
    }
    let file = std::env::var("NEXTEST_ENV").context("NEXTEST_ENV is not set: nextest runs this program")?;
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/test-services.log");
    // The folder is not there yet if cargo builds elsewhere.
    fs::create_dir_all(log.with_file_name(""))?;
    let run = nix::unistd::getppid().to_string();
    let mut server = Command::new(std::env::current_exe()?);
    server.args(["serve", &run]).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    // Not this process's own: nextest would wait for it to be closed.
    server.stderr(File::create(&log).with_context(|| format!("cannot write {}", log.display()))?);
    let mut server = server.spawn().context("cannot start the services")?;
    let said = server.stdout.take().context("the services have no output")?;
    let mut environment = String::new();
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line == READY {
            fs::write(&file, environment).with_context(|| format!("cannot write {file}"))?;
            return Ok(());
        }
        environment.push_str(&format!("{line}\n"));
    }
    bail!("the services did not start:\n{}", fs::read_to_string(&log).unwrap_or_default())
}

/// Runs the services until the process `run` ends.
#[tokio::main]
async fn serve(run: i32) -> anyhow::Result<()> {
    let tools = Tools::locate_or_install(|line| eprintln!("{line}"))?;
    let services = Services::start(&tools).await?;
    for (name, value) in services.environment() {
        println!("{name}={value}");
    }
    println!("{READY}");
    while kill(Pid::from_raw(run), None).is_ok() {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
