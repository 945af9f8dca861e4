//! A job's process: it gets arguments, and ends by itself.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::World;

// Some jobs handle thousands of messages on a slow emulator.
const PATIENCE: Duration = Duration::from_secs(300);

/// A job that runs. Dropping it kills it.
pub struct Job {
    child: Child,
}

/// The output and the exit code of a job.
#[derive(Debug)]
pub struct Said {
    /// The exit code. `None`: a signal ended the job.
    pub code: Option<i32>,
    /// Standard output: the report.
    pub out: String,
    /// Standard error: logs and errors.
    pub err: String,
}

impl World {
    /// Starts a job in the environment of `unit`. `settings` override the world's; an empty value unsets one.
    pub fn start_job(&self, binary: &str, unit: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Job {
        let environment = self.environment_with(binary, unit, 0, settings);
        let mut command = Command::new(binary);
        command.args(arguments).env_clear().envs(environment).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Job { child: command.spawn().expect("the job starts") }
    }

    /// Runs a job to its end.
    pub async fn run_job(
        &self,
        binary: &str,
        unit: &str,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Said {
        self.start_job(binary, unit, arguments, settings).end().await
    }
}

impl Job {
    /// SIGTERM, as Kubernetes sends it.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    fn signal(&self, signal: &str) {
        if let Some(pid) = self.child.id() {
            let mut kill = std::process::Command::new("kill");
            kill.args([&format!("-{signal}"), &pid.to_string()]).status().expect("kill runs");
        }
    }

    /// Waits for the end of the job, and returns its output.
    pub async fn end(self) -> Said {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait_with_output()).await;
        let output = ended.expect("the job ends in time").expect("its output can be read");
        Said {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// The report of a job that was run with `--json`.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that the job ended with `code`, and that its output contains every part.
    pub fn says(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.out.contains(part) || self.err.contains(part), "{part:?}\nin {self:?}");
        }
    }
}
