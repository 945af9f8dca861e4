//! Writes results into a document, between two markers, so that no figure is typed by hand.
//!
//! In: a document, a section's name, its text. Out: the document with this text in place of the former one.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::report::Report;

/// Replaces a section of a document.
///
/// # Errors
/// When the document or the section's markers are missing.
pub(crate) fn write(document: &Path, section: &str, text: &str) -> anyhow::Result<()> {
    let old = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let new = replaced(&old, section, text)
        .with_context(|| format!("{} lacks a marker of the section {section}", document.display()))?;
    fs::write(document, new).with_context(|| format!("cannot write {}", document.display()))
}

/// A comparison, with the facts of the machine.
pub(crate) fn results(report: &Report) -> String {
    let facts = report.machine.facts.iter().map(|(name, value)| format!("* {name}: {value}"));
    let load = format!(
        "* load: {} round(s), {} creations and as many changes in each run; medians",
        report.rounds, report.load.messages
    );
    let facts: Vec<String> = facts.chain([load]).collect();
    let targets: Vec<String> = report.targets().lines().map(|line| format!("* {line}")).collect();
    format!("{}\n\n{}\n\nTargets:\n\n{}", facts.join("\n"), report.table(), targets.join("\n"))
}

fn replaced(document: &str, section: &str, text: &str) -> Option<String> {
    let begin = format!("<!-- {section}: written by `cargo xtask bench --write-docs` -->");
    let end = format!("<!-- end of {section} -->");
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{text}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_is_replaced() {
        let begin = "<!-- results: written by `cargo xtask bench --write-docs` -->";
        let end = "<!-- end of results -->";
        let text = format!("before\n{begin}\nold\n{end}\nafter\n");
        let once = replaced(&text, "results", "new").unwrap();
        assert_eq!(once, format!("before\n{begin}\n\nnew\n\n{end}\nafter\n"));
        assert_eq!(replaced(&once, "results", "new"), Some(once.clone()));
        assert_eq!(replaced(&once, "persons", "new"), None);
    }
}
