//! Counts the instructions of the hot paths (`tests/hot-paths`), and compares them with the stored counts. A count is the same
//! on a busy machine and on an idle one, so it can be a check; a time cannot. This module runs Callgrind as a program:
//! `iai-callgrind` and `gungraun` need an installed runner of exactly their own version, and compare with the last run on the
//! same machine.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::commands::workspace;

const PACKAGE: &str = "hot-paths";

// Turns that are averaged, by path. A turn of the consumer loop is a hundred messages.
const PATHS: [(&str, u64); 5] =
    [("parse-event", 1000), ("disposition", 1000), ("profile", 200), ("announcement", 1000), ("batch", 20)];

// Counts differ by some hundredths between processors, because libraries choose their code by the features of the processor.
const TOLERANCE_PERCENT: u64 = 10;

/// Counts every path. `renew` stores the counts; otherwise each must be within the tolerance of the stored one.
pub(crate) fn run(renew: bool) -> anyhow::Result<()> {
    if !valgrind_is_there() {
        println!("not counted: valgrind is not installed (apt-get install valgrind)");
        return Ok(());
    }
    let built = testkit::build_units([PACKAGE], true)?;
    let binary = built.get(PACKAGE).context("cargo names no binary")?;
    let mut counts = BTreeMap::new();
    for (path, turns) in PATHS {
        // The difference leaves out the start and the end of the process.
        let (none, all) = (count(binary, path, 0)?, count(binary, path, turns)?);
        counts.insert(path, all.saturating_sub(none) / turns);
    }
    let file = workspace().join("tests/hot-paths/instructions.toml");
    if renew {
        return write(&file, &counts);
    }
    let text = std::fs::read_to_string(&file).context("cannot read instructions.toml")?;
    let known = parse(&text)?;
    println!("{:<14} {:>12} {:>12}", "path", "instructions", "known");
    let mut faults = Vec::new();
    for (path, count) in &counts {
        let known = *known.get(*path).with_context(|| format!("instructions.toml has no {path}"))?;
        println!("{path:<14} {count:>12} {known:>12}");
        faults.extend(fault(path, *count, known));
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    Ok(())
}

fn fault(path: &str, count: u64, known: u64) -> Option<String> {
    let tolerance = known * TOLERANCE_PERCENT / 100;
    let what = if count > known + tolerance {
        "more than a tenth over what is known: make it cheaper, or say in the commit why it is worth it"
    } else if count + tolerance < known {
        "so cheap now that a loss would not be seen"
    } else {
        return None;
    };
    Some(format!(
        "{path} takes {count} instructions, {what}, and renew with `cargo xtask instructions --renew`"
    ))
}

fn valgrind_is_there() -> bool {
    let answers = || {
        let asked =
            Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    if answers() {
        return true;
    }
    // Tries the system's package manager, without a password.
    let apt = Command::new("apt-get")
        .args(["install", "--yes", "--quiet", "valgrind"])
        .stdin(Stdio::null())
        .status();
    apt.is_ok_and(|status| status.success()) && answers()
}

fn count(binary: &Path, path: &str, turns: u64) -> anyhow::Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(binary)
        .args([path, &turns.to_string()]);
    let output = valgrind.output().context("cannot run valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{path}: {said}");
    }
    collected(&said).with_context(|| format!("callgrind names no count: {said}"))
}

fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected : "))?;
    line.1.trim().parse().ok()
}

fn parse(text: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (path, count) =
                line.split_once(" = ").with_context(|| format!("not `path = count`: {line}"))?;
            Ok((path.to_owned(), count.trim().parse().with_context(|| format!("no count: {line}"))?))
        })
        .collect()
}

fn write(file: &Path, counts: &BTreeMap<&str, u64>) -> anyhow::Result<()> {
    let lines: String = counts.iter().map(|(path, count)| format!("{path} = {count}\n")).collect();
    let text =
        format!("# Instructions of one turn of each path: `cargo xtask instructions --renew`.\n{lines}");
    std::fs::write(file, text).context("cannot write instructions.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_differ_by_a_tenth_and_no_more() {
        assert_eq!(fault("x", 1100, 1000), None);
        assert_eq!(fault("x", 900, 1000), None);
        assert!(fault("x", 1101, 1000).unwrap().contains("over what is known"));
        assert!(fault("x", 899, 1000).unwrap().contains("so cheap now"));
    }

    #[test]
    fn callgrind_and_the_file_are_read() {
        let said = "==7== Events    : Ir\n==7== Collected : 1234567\n==7==\n==7== I   refs:      1,234,567\n";
        assert_eq!(collected(said), Some(1_234_567));
        assert_eq!(collected("==7== nothing"), None);
        let known = parse("# a comment\nbatch = 12\nprofile = 3\n").unwrap();
        assert_eq!(known, BTreeMap::from([("batch".to_owned(), 12), ("profile".to_owned(), 3)]));
        assert!(parse("batch 12").is_err());
    }
}
