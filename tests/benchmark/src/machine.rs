//! The machine of a comparison, and the versions of the programs.
//!
//! In: `/proc`, and the programs' own version output. Out: lines. Must not know: any result.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use local_stack::Tools;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::contestant::{Contestant, Launch, peer};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Reads the facts.
    ///
    /// # Errors
    /// When PostgreSQL cannot be installed.
    pub(crate) fn look(tools: &Tools, present: &[(Contestant, Launch)]) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let model = line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
        let memory = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
        let memory_gb =
            memory.split(' ').next().and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024 / 1024;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        let postgres = tools.postgres()?.join("postgres");
        let today = OffsetDateTime::now_utc().format(format_description!("[year]-[month]-[day]"))?;
        let mut facts = vec![
            ("date", today),
            ("machine", format!("{cores} cores of {model}, {memory_gb} GiB, Linux {}", kernel.trim())),
            ("load before", load),
            ("Rust", version(Path::new("rustc"))),
            ("PostgreSQL", version(&postgres)),
        ];
        for (name, contestant) in [("Node", Contestant::SqsConsumer), ("Python", Contestant::Powertools)] {
            if let Some((_, launch)) = present.iter().find(|(other, _)| *other == contestant) {
                facts.push((name, version(&launch.program)));
            }
        }
        facts.push(("packages", packages().join(", ")));
        Ok(Self { facts })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

fn line_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn version(program: &Path) -> String {
    let said = Command::new(program).arg("--version").output();
    said.map_or_else(|_| "unknown".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// The peers' own dependencies, as `name version`: theirs in turn are in the lock files.
fn packages() -> Vec<String> {
    let requirements = fs::read_to_string(peer("powertools").join("requirements.txt")).unwrap_or_default();
    let direct =
        requirements.lines().skip_while(|line| line.starts_with('#')).take_while(|line| !line.is_empty());
    let python = direct.filter_map(|line| line.split_once("=="));
    let package = fs::read_to_string(peer("sqs-consumer").join("package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_str(&package).unwrap_or_default();
    let node = package["dependencies"].as_object().into_iter().flatten();
    let node = node.map(|(name, version)| (name.as_str(), version.as_str().unwrap_or_default()));
    node.chain(python).map(|(name, version)| format!("{name} {version}")).collect()
}
