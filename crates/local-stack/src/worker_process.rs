//! A worker as a real process: its own binary, its own environment, real signals. Must not know: which worker it is.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::Signal;

use crate::children::{ChildGuard, command_that_dies_with_us};
use crate::polling::wait_until;

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub struct WorkerProcess {
    child: ChildGuard,
    log: PathBuf,
}

impl WorkerProcess {
    /// Starts `binary` with `PATH` and `env` as its environment. Its output is appended to the file `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the binary cannot be started.
    pub fn spawn(binary: &Path, env: &[(String, String)], log: &Path) -> anyhow::Result<Self> {
        Self::spawn_with(binary, &[], env, log)
    }

    /// [`WorkerProcess::spawn`] for a program with arguments: an interpreter and its script.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn spawn_with(
        program: &Path,
        arguments: &[&OsStr],
        env: &[(String, String)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot open {}", log.display()))?;
        let mut command = command_that_dies_with_us(program, Signal::SIGKILL);
        command.args(arguments);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        command.stdout(output.try_clone()?).stderr(output);
        let child = ChildGuard::spawn(command, Signal::SIGKILL)?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// The process ID.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The output so far, standard output and standard error.
    ///
    /// # Errors
    /// When the log file is gone.
    pub fn output(&self) -> anyhow::Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends `SIGTERM`, as Kubernetes does.
    ///
    /// # Errors
    /// When the signal cannot be sent. A worker that has ended already is no error.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        self.child.signal(Signal::SIGTERM)
    }

    /// Sends `SIGKILL`, which ends the process at once.
    ///
    /// # Errors
    /// When the signal cannot be sent. A worker that has ended already is no error.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.signal(Signal::SIGKILL)
    }

    /// The exit status of a worker that has ended, `None` while it runs.
    ///
    /// # Errors
    /// When the system call fails.
    pub fn status(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub async fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        wait_until(limit, "the worker to end", async || self.child.try_wait()).await
    }
}
