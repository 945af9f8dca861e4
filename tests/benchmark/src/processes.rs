//! CPU time and memory of a process with all its descendants, from `/proc`.
//!
//! In: a process ID. Out: seconds and megabytes. When a parent has waited for an ended child, the child's time is in the parent's
//! `cutime` and `cstime`. So both are counted for every living process. Must not know: what the processes do.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;

/// Linux shows times to user space in hundredths of a second, independent of the kernel's own ticks.
const TICKS_PER_SECOND: f64 = 100.0;

/// The fields of `/proc/<pid>/stat` that this module uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time of the process and of its ended children.
    ticks: u64,
}

/// User and system time of a process and its descendants since their start, ended descendants included.
///
/// # Errors
/// When the process itself is gone.
pub(crate) fn cpu_seconds(root: u32) -> anyhow::Result<f64> {
    let all = all_stats()?;
    all.get(&root).with_context(|| format!("process {root} is gone"))?;
    let ticks: u64 = descendants(&all, root).into_iter().map(|pid| all[&pid].ticks).sum();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// The highest resident memory so far: of the process, plus that of each living descendant.
///
/// # Errors
/// When the process itself is gone.
pub(crate) fn peak_resident_mb(root: u32) -> anyhow::Result<f64> {
    let all = all_stats()?;
    all.get(&root).with_context(|| format!("process {root} is gone"))?;
    let statuses = descendants(&all, root)
        .into_iter()
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
    Ok(statuses.filter_map(|status| high_water_mb(&status)).sum())
}

/// A process that ends during the call is left out. Its time is counted with its parent.
fn all_stats() -> anyhow::Result<BTreeMap<u32, Stat>> {
    let entries = fs::read_dir("/proc").context("this needs Linux")?.filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let stat = |pid: u32| Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?));
    Ok(pids.filter_map(stat).collect())
}

fn descendants(all: &BTreeMap<u32, Stat>, root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

/// The name is in parentheses and may contain any character, also parentheses. So fields are counted from the last one.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn parse(line: &str) -> Option<Stat> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_whitespace().collect();
    // Field 3 is the first here: the parent is field 4, the four times are fields 14 to 17.
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks: ticks.sum::<Result<u64, _>>().ok()? })
}

fn high_water_mb(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_moves_no_field() {
        let line = "4711 (a ) (b) S 17 4711 4711 0 -1 4194560 1 2 3 4 250 50 20 5 20 0 1 0 12345 1 1";
        assert_eq!(parse(line), Some(Stat { parent: 17, ticks: 325 }));
        assert_eq!(parse("4711 (short) S 17"), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth_and_others_are_not() {
        let stat = |parent| Stat { parent, ticks: 1 };
        let all = BTreeMap::from([(1, stat(0)), (5, stat(1)), (3, stat(5)), (4, stat(3)), (6, stat(1))]);
        assert_eq!(descendants(&all, 5), [5, 3, 4]);
    }

    #[test]
    fn memory_is_the_peak_in_megabytes() {
        assert_eq!(high_water_mb("Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t 1 kB\n"), Some(20.0));
        assert_eq!(high_water_mb("Name:\tkthread\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let own = std::process::id();
        assert!(peak_resident_mb(own).unwrap() > 0.0 && cpu_seconds(own).unwrap() >= 0.0);
        assert!(cpu_seconds(u32::MAX).is_err());
    }
}
