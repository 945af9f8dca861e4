//! Makes the files that follow from the table of units (`crates/fleet`), from the units' manifests, and from the chart's
//! values. So a new unit is written down once.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, bail};
use event_contract::{DRILL_SOURCE, HEARTBEAT, POISON};
use fleet::{Door, Kind, Queue, Unit};
use serde_json::json;
use uuid::Uuid;

use crate::chart::{self, between_marks};
use crate::commands::{read, workspace};

const SAMPLES: &str = "deploy/cloudformation/sample-events";
const DASHBOARD: &str = "deploy/helm/coppice/dashboards/fleet.json";

/// Renews the files. With `check`, fails if a file is out of date.
///
/// # Errors
/// The files that are out of date, or the first that cannot be read.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let mut files = chart::files()?;
    files.push((DASHBOARD.into(), with_units(&read(DASHBOARD)?)?));
    for (path, table) in [("README.md", fleet_table()?), ("docs/reference/units.md", units_table()?)] {
        files.push((path.into(), between_marks(&read(path)?, "units", &table).context(path)?));
    }
    let by_drill = |unit: &&Unit| matches!(unit.door, Some(Door::Bus { source: DRILL_SOURCE, .. }));
    files.extend(fleet::UNITS.iter().filter(by_drill).flat_map(synthetic_samples));
    let mut stale = Vec::new();
    for (path, made) in files {
        if fs::read_to_string(workspace().join(&path)).ok().as_ref() == Some(&made) {
            continue;
        }
        if !check {
            fs::write(workspace().join(&path), made).with_context(|| path.clone())?;
        }
        stale.push(path);
    }
    if check && !stale.is_empty() {
        bail!("out of date: {}. Run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}

/// The choices of the dashboard's variable `unit`: the units with a queue.
fn with_units(dashboard: &str) -> anyhow::Result<String> {
    let of_variable = "\"name\": \"unit\",\n        \"type\": \"custom\",\n        \"query\": \"";
    let (before, rest) = dashboard.split_once(of_variable).context("the dashboard has no variable `unit`")?;
    let (_, after) = rest.split_once('"').context("the dashboard is cut off")?;
    let units: Vec<&str> = fleet::with_queue().map(|unit| unit.name).collect();
    Ok(format!("{before}{of_variable}{}\"{after}", units.join(",")))
}

fn fleet_table() -> anyhow::Result<String> {
    let mut table = String::from("| unit | kind | what it does |\n|---|---|---|\n");
    for unit in fleet::UNITS {
        let _ = writeln!(table, "| {} | {} | {} |", linked(unit, ""), kind(unit), description(unit)?);
    }
    Ok(table)
}

fn units_table() -> anyhow::Result<String> {
    let mut table =
        String::from("| unit | kind | queue | calls | fed by | serves |\n|---|---|---|---|---|---|\n");
    for unit in fleet::UNITS {
        let queue = match unit.queue {
            Queue::None => "–",
            Queue::Own => "its own",
            Queue::Filled => "fills that of a resync job",
            Queue::Audited => "with `--repair`, fills those of the resync jobs",
        };
        let calls: Vec<&str> = unit.providers.iter().map(|role| role.as_str()).collect();
        let serves = match (unit.kind, unit.serves_health()) {
            (Kind::Server, _) => "webhooks, health port",
            (_, true) => "health port",
            (_, false) => "–",
        };
        let or_none = |list: String| if list.is_empty() { String::from("–") } else { list };
        let (calls, fed_by) = (or_none(calls.join(", ")), or_none(unit.fed_by.join(", ")));
        let (unit, kind) = (linked(unit, "../../"), kind(unit));
        let _ = writeln!(table, "| {unit} | {kind} | {queue} | {calls} | {fed_by} | {serves} |");
    }
    Ok(table)
}

/// The unit's name, as a link to its README if it has one.
fn linked(unit: &Unit, up: &str) -> String {
    let readme = format!("{}/README.md", folder(unit));
    if workspace().join(&readme).exists() {
        format!("[`{}`]({up}{readme})", unit.name)
    } else {
        format!("`{}`", unit.name)
    }
}

fn folder(unit: &Unit) -> String {
    let parent = match unit.kind {
        Kind::Worker | Kind::Server => "workers",
        Kind::Job | Kind::Hook => "jobs",
    };
    format!("{parent}/{}", unit.name)
}

fn kind(unit: &Unit) -> &'static str {
    match unit.kind {
        Kind::Worker => "worker",
        Kind::Server => "worker (HTTP)",
        Kind::Job => "job",
        Kind::Hook => "Helm hook",
    }
}

fn description(unit: &Unit) -> anyhow::Result<String> {
    let path = format!("{}/Cargo.toml", folder(unit));
    let manifest = read(&path)?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("description = \"")?.strip_suffix('"'));
    line.map(str::to_owned).with_context(|| format!("{path}: a description in one line"))
}

/// A heartbeat and the poison of a drill, as they come from `fire-drill` through the rule of this unit.
fn synthetic_samples(unit: &Unit) -> [(String, String); 2] {
    [(HEARTBEAT, "heartbeat"), (POISON, "drill")].map(|(detail_type, key)| {
        // From the name, so that another unit in the table changes no sample.
        let id = |what: &str| {
            let name = format!("{}/{detail_type}/{what}", unit.name);
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
        };
        let detail = json!({ "unit": unit.name, key: id("detail") });
        let sample = json!({
            "about": format!("From fire-drill, to {}, by the rule that is there for it", unit.name),
            "queues": [unit.name],
            "detail_after": detail,
            "event": {
                "version": "0",
                "id": id("event"),
                "detail-type": detail_type,
                "source": DRILL_SOURCE,
                "account": "111122223333",
                "time": "2026-03-02T09:15:30Z",
                "region": "eu-central-1",
                "resources": [],
                "detail": detail,
            },
        });
        (format!("{SAMPLES}/{key}.{}.json", unit.name), format!("{sample:#}\n"))
    })
}
