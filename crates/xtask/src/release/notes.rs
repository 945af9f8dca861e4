//! Release notes from changelog fragments, whose format is in `changelog.d/README.md`. In: the fragments, and the text of
//! `CHANGELOG.md`. Out: the section of a version, and the changelog with it. Pure: reads and writes no file.

use anyhow::{Context, bail};
use time::Date;

use super::version::Version;

pub(super) const MARKER: &str = "<!-- releases: newest first -->";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Breaking,
    Security,
    Added,
    Changed,
    Fixed,
    Removed,
}

impl Kind {
    // The order of the notes.
    const ALL: [Self; 6] =
        [Self::Breaking, Self::Security, Self::Added, Self::Changed, Self::Fixed, Self::Removed];

    const fn name(self) -> &'static str {
        match self {
            Self::Breaking => "breaking",
            Self::Security => "security",
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Fixed => "fixed",
            Self::Removed => "removed",
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::Breaking => "Breaking changes",
            Self::Security => "Security",
            Self::Added => "Added",
            Self::Changed => "Changed",
            Self::Fixed => "Fixed",
            Self::Removed => "Removed",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    kind: Kind,
    text: String,
}

impl Fragment {
    fn parse(name: &str, text: &str) -> anyhow::Result<Self> {
        let stem = name.strip_suffix(".md").with_context(|| format!("{name}: does not end with .md"))?;
        let (slug, kind) =
            stem.split_once('.').with_context(|| format!("{name}: call it <slug>.<kind>.md"))?;
        let legible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if slug.is_empty() || !slug.chars().all(legible) {
            bail!("{name}: the slug has lower-case letters, digits and hyphens only");
        }
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.name() == kind) else {
            let known = Kind::ALL.map(Kind::name).join(", ");
            bail!("{name}: {kind:?} is not a kind. Kinds: {known}");
        };
        let text = text.trim();
        if text.is_empty() {
            bail!("{name}: is empty. Write what changes for the reader");
        }
        if text.lines().any(|line| line.starts_with('#')) {
            bail!("{name}: has a heading. A fragment is one list item of the notes");
        }
        Ok(Self { kind, text: text.to_owned() })
    }

    pub(super) fn is_breaking(&self) -> bool {
        self.kind == Kind::Breaking
    }

    fn item(&self) -> String {
        // Further lines are indented, so that lists and code in a fragment stay in the item.
        let mut item = String::new();
        for (index, line) in self.text.lines().enumerate() {
            let before = match (index, line.trim().is_empty()) {
                (0, _) => "- ",
                (_, true) => "",
                (_, false) => "  ",
            };
            item.push_str(before);
            item.push_str(line.trim_end());
            item.push('\n');
        }
        item
    }
}

/// Reads all fragments, in the order given.
pub(super) fn parse_all(files: Vec<(String, String)>) -> anyhow::Result<Vec<Fragment>> {
    // The error names every malformed fragment.
    let mut fragments = Vec::new();
    let mut faults = Vec::new();
    for (name, text) in files {
        match Fragment::parse(&name, &text) {
            Ok(fragment) => fragments.push(fragment),
            Err(fault) => faults.push(format!("changelog.d/{fault}")),
        }
    }
    if faults.is_empty() { Ok(fragments) } else { bail!("{}", faults.join("\n")) }
}

/// The section of a version: its fragments grouped by kind, breaking changes first.
pub(super) fn build(version: &Version, date: Date, fragments: &[Fragment]) -> String {
    let mut notes = format!("## {version} ({date})\n");
    for kind in Kind::ALL {
        let items: Vec<String> =
            fragments.iter().filter(|fragment| fragment.kind == kind).map(Fragment::item).collect();
        if !items.is_empty() {
            notes.push_str(&format!("\n### {}\n\n{}", kind.heading(), items.concat()));
        }
    }
    notes
}

/// The changelog with a new section on top.
pub(super) fn insert(changelog: &str, section: &str) -> anyhow::Result<String> {
    let (before, after) = changelog
        .split_once(MARKER)
        .with_context(|| format!("CHANGELOG.md has no line {MARKER:?}: put it above the newest section"))?;
    let older = after.trim_start();
    let gap = if older.is_empty() { "" } else { "\n" };
    Ok(format!("{before}{MARKER}\n\n{section}{gap}{older}"))
}

/// The section of a version, as [`build`] wrote it.
pub(super) fn section(changelog: &str, version: &Version) -> Option<String> {
    let mut lines = changelog.lines().skip_while(|line| released(line).as_ref() != Some(version));
    let mut section = format!("{}\n", lines.next()?);
    for line in lines.take_while(|line| !line.starts_with("## ")) {
        section.push_str(line);
        section.push('\n');
    }
    Some(format!("{}\n", section.trim_end()))
}

pub(super) fn latest(changelog: &str) -> Option<Version> {
    changelog.lines().find_map(released)
}

fn released(line: &str) -> Option<Version> {
    line.strip_prefix("## ")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    fn fragments(files: &[(&str, &str)]) -> anyhow::Result<Vec<Fragment>> {
        parse_all(files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn notes_are_grouped_by_kind_and_breaking_changes_come_first() {
        let fragments = fragments(&[
            ("audit.fixed.md", "The audit ends.\n"),
            ("crm.added.md", "A CRM.\n"),
            ("flag.breaking.md", "The flag `--old` is gone:\n\n```sh\ncoppice --new\n```\n"),
            ("zoo.added.md", "Another one,\non two lines."),
        ]);
        assert_eq!(
            build(&version("0.2.0"), date!(2026 - 12 - 01), &fragments.unwrap()),
            "## 0.2.0 (2026-12-01)\n\n\
             ### Breaking changes\n\n- The flag `--old` is gone:\n\n  ```sh\n  coppice --new\n  ```\n\n\
             ### Added\n\n- A CRM.\n- Another one,\n  on two lines.\n\n\
             ### Fixed\n\n- The audit ends.\n"
        );
    }

    #[test]
    fn every_malformed_fragment_is_named() {
        let malformed = [
            ("notes.txt", "Text.", "does not end with .md"),
            ("kindless.md", "Text.", "<slug>.<kind>.md"),
            ("slug.improved.md", "Text.", "is not a kind"),
            ("Slug_1.added.md", "Text.", "the slug has"),
            (".added.md", "Text.", "the slug has"),
            ("empty.fixed.md", " \n", "is empty"),
            ("heading.fixed.md", "# Fixed\n\nText.", "has a heading"),
        ];
        let files: Vec<_> = malformed.iter().map(|(name, text, _)| (*name, *text)).collect();
        let error = fragments(&files).unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), malformed.len(), "{error}");
        for (line, (name, _, fault)) in lines.iter().zip(malformed) {
            assert!(line.starts_with(&format!("changelog.d/{name}: ")) && line.contains(fault), "{line}");
        }
    }

    #[test]
    fn the_newest_section_is_on_top_and_is_found_again() {
        let first =
            build(&version("0.1.0"), date!(2026 - 01 - 01), &fragments(&[("a.added.md", "A.")]).unwrap());
        let second =
            build(&version("0.2.0"), date!(2026 - 02 - 01), &fragments(&[("b.fixed.md", "B.")]).unwrap());
        let empty = format!("# Changelog\n\n{MARKER}\n");
        assert_eq!(latest(&empty), None);
        let changelog = insert(&insert(&empty, &first).unwrap(), &second).unwrap();
        assert_eq!(changelog, format!("# Changelog\n\n{MARKER}\n\n{second}\n{first}"));
        assert_eq!(latest(&changelog), Some(version("0.2.0")));
        assert_eq!(section(&changelog, &version("0.2.0")), Some(second));
        assert_eq!(section(&changelog, &version("0.1.0")), Some(first));
        assert_eq!(section(&changelog, &version("0.3.0")), None);
    }

    #[test]
    fn a_changelog_without_the_marker_is_refused() {
        assert!(insert("# Changelog\n", "## 0.1.0\n").unwrap_err().to_string().contains(MARKER));
    }
}
