//! The results in the documentation, between two markers: written, never typed.
//!
//! In: a document and a report. Out: the document with these results in place of the former ones.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::report::Report;

const BEGIN: &str = "<!-- results: written by `cargo xtask bench --write-docs` -->";
const END: &str = "<!-- end of results -->";

/// Puts the results into a document.
///
/// # Errors
/// When the document or its markers are not there.
pub(crate) fn write_results(document: &Path, report: &Report) -> anyhow::Result<()> {
    let text = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let text = replaced(&text, &results(report))
        .with_context(|| format!("{} has not both markers", document.display()))?;
    fs::write(document, text).with_context(|| format!("cannot write {}", document.display()))
}

fn results(report: &Report) -> String {
    let facts = report.machine.facts.iter().map(|(name, value)| format!("* {name}: {value}"));
    let load = format!(
        "* load: {} round(s), {} creations and as many changes in each run; medians",
        report.rounds, report.load.messages
    );
    let facts: Vec<String> = facts.chain([load]).collect();
    let targets: Vec<String> = report.targets().lines().map(|line| format!("* {line}")).collect();
    format!("{}\n\n{}\n\nTargets:\n\n{}", facts.join("\n"), report.table(), targets.join("\n"))
}

fn replaced(text: &str, results: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{results}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_markers_is_replaced_and_nothing_else() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let once = replaced(&text, "new").unwrap();
        assert_eq!(once, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced(&once, "new"), Some(once.clone()));
        assert_eq!(replaced("no markers", "new"), None);
    }
}
