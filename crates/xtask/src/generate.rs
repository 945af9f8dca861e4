//! Makes the files that follow from the table of units (`crates/fleet`), from the units' manifests, from the schema of
//! `coppice.toml`, and from the chart's values. So a new unit, and a new key, is written down once.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, bail};
use config::Config;
use event_contract::{DRILL_SOURCE, HEARTBEAT, POISON};
use fleet::{Kind, Queue, Unit};
use serde_json::json;
use topology::{Alarms, Branch, Model, branches, templates};
use uuid::Uuid;

use crate::chart::{self, between_marks};
use crate::commands::{read, workspace};
use crate::file_reference;

const CLOUDFORMATION: &str = "deploy/cloudformation";
const FILE_REFERENCE: &str = "docs/reference/coppice-toml.md";
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
    let page = file_reference::parts().into_iter().try_fold(read(FILE_REFERENCE)?, |page, (mark, made)| {
        between_marks(&page, mark, &made).context(FILE_REFERENCE)
    });
    files.push((FILE_REFERENCE.into(), page?));
    let example = Config::parse(&read(&format!("{CLOUDFORMATION}/coppice.toml"))?)?;
    let (readme, rules) = (format!("{CLOUDFORMATION}/README.md"), rules_table(&Model::of(&example)?));
    files.push((readme.clone(), between_marks(&read(&readme)?, "rules", &rules).context(readme)?));
    let rendered = templates(&example, Alarms::Within)?.files();
    files.extend(rendered.into_iter().map(|(name, text)| (format!("{CLOUDFORMATION}/{name}"), text)));
    files.extend(drilled(&example).iter().flat_map(synthetic_samples));
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
        let calls = unit.providers();
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

/// What the rules keep of a partner's event.
fn rules_table(model: &Model) -> String {
    let mut table = String::from("| rule | takes | keeps of `detail` |\n|---|---|---|\n");
    for rule in &model.rules {
        let Some(transformer) = &rule.transformer else { continue };
        let kept = transformer.paths.iter().filter_map(|(_, path)| path.strip_prefix("$.detail."));
        let _ = writeln!(
            table,
            "| `{}` | {} | `{}` |",
            rule.name,
            rule.about,
            kept.collect::<Vec<_>>().join(" ")
        );
    }
    table
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

/// The first branch of each unit with a rule for drills.
fn drilled(example: &Config) -> Vec<Branch> {
    let mut drilled = branches(example);
    drilled.retain(|branch| branch.entrance().is_some_and(|entrance| entrance.source == DRILL_SOURCE));
    drilled.dedup_by_key(|branch| branch.unit.name);
    drilled
}

/// A heartbeat and the poison of a drill, as they come from `fire-drill` through the rule of this branch.
fn synthetic_samples(branch: &Branch) -> [(String, String); 2] {
    let (unit, branch) = (branch.unit, branch.name());
    [(HEARTBEAT, "heartbeat"), (POISON, "drill")].map(|(detail_type, key)| {
        // From the name, so that another unit in the table changes no sample.
        let id = |what: &str| {
            let name = format!("{}/{detail_type}/{what}", unit.name);
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
        };
        let detail = json!({ "unit": branch, key: id("detail") });
        let sample = json!({
            "about": format!("From fire-drill, to {branch}, by the rule that is there for it"),
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
        (format!("{CLOUDFORMATION}/sample-events/{key}.{}.json", unit.name), format!("{sample:#}\n"))
    })
}
