//! A vendor is one folder, `crates/connectors/src/<vendor>`, and one line of the list of connectors. No other product code, no
//! migration and no template knows its name. Comments and tests may give it as an example.

use std::fs;
use std::path::{Path, PathBuf};

use connectors::CONNECTORS;

use crate::{folders, workspace};

/// Connectors without a vendor, whose names are ordinary words: a description can be found wherever APIs are.
const ORDINARY_WORDS: &[&str] = &["rest"];

/// What names vendors, and why: a path, or how several of them begin.
const MAY_NAME: &[(&str, &str)] = &[
    ("crates/connectors/src/lib.rs", "the list of connectors"),
    ("crates/local-stack/", "a developer's tool: starts what plays a vendor"),
    ("crates/simulators/", "a developer's tool: plays the vendors"),
    ("crates/testkit/", "a developer's tool: starts what plays a vendor"),
    ("crates/xtask/", "a developer's tool: the sources of the demo and of the trial cluster"),
    ("jobs/coppice/src/former_settings.rs", "the former release had one CRM if no variable named another"),
    ("deploy/cloudformation/coppice.toml", "the example of the file"),
    ("deploy/cloudformation/coppice.yaml", "rendered from the example"),
    ("deploy/cloudformation/roles.yaml", "rendered from the example"),
    ("deploy/cloudformation/sample-events/", "recorded events"),
    ("deploy/helm/coppice/ci/", "values of tests"),
    ("deploy/helm/coppice/examples/", "examples"),
    ("deploy/helm/coppice/units.yaml", "generated from the connectors"),
    ("deploy/helm/coppice/values.schema.json", "generated from the connectors"),
    ("deploy/kind/", "the trial cluster"),
];

#[test]
fn nothing_but_its_folder_and_one_line_knows_a_vendor() {
    let files = product();
    assert!(files.len() > 500, "{} files", files.len());
    let mut found = Vec::new();
    for path in &files {
        let name = path.strip_prefix(workspace()).unwrap().display().to_string();
        if may_name(&name) {
            continue;
        }
        let code = code(&name, &fs::read_to_string(path).unwrap());
        for (line, text) in code.iter().enumerate() {
            let foreign = CONNECTORS.iter().filter(|it| !ORDINARY_WORDS.contains(&it.name));
            for connector in foreign.filter(|it| !is_of(&name, it.name) && names(text, it.name)) {
                found.push(format!("{name}:{}: {}: {}", line + 1, connector.name, text.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{} lines name a vendor:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_vendor_has_its_folder_and_its_line() {
    let list = fs::read_to_string(workspace().join("crates/connectors/src/lib.rs")).unwrap();
    for name in CONNECTORS.iter().map(|connector| module(connector.name)) {
        assert!(workspace().join(format!("crates/connectors/src/{name}.rs")).exists(), "{name}");
        assert_eq!(list.matches(&format!("    &{name}::CONNECTOR,\n")).count(), 1, "{name}");
    }
}

#[test]
fn every_path_that_may_name_vendors_does() {
    let files = product();
    for (path, reason) in MAY_NAME {
        let of_path = files
            .iter()
            .filter(|file| file.strip_prefix(workspace()).unwrap().to_string_lossy().starts_with(path));
        let named = of_path.map(|file| fs::read_to_string(file).unwrap());
        let named = named
            .into_iter()
            .any(|text| CONNECTORS.iter().any(|it| text.lines().any(|line| names(line, it.name))));
        assert!(named, "{path} names no vendor, although it may: {reason}");
    }
}

#[test]
fn a_vendor_is_found_in_a_name_and_in_a_text_and_not_in_a_comment_or_a_test() {
    let found = |name: &str, text: &str| code(name, text).iter().any(|line| names(line, "auth0"));
    for line in [
        "if name == \"auth0\" {",
        "struct Auth0Users;",
        "let auth0_users = 1;",
        "\"https://x.auth0.com\"",
        "AUTH0",
    ] {
        assert!(found("crates/topology/src/model.rs", line), "{line}");
    }
    for text in [
        "// As auth0.",
        "/// `sso-sync-auth0`",
        "let a = 1; // auth0",
        "#[cfg(test)]\nmod tests {\n    auth0();\n}",
    ] {
        assert!(!found("crates/topology/src/model.rs", text), "{text}");
    }
    assert!(found("deploy/helm/coppice/templates/a.yaml", "a: {{ eq .connector \"auth0\" }}"));
    assert!(!found("deploy/helm/coppice/templates/a.yaml", "{{/* auth0,\n  auth0 */}}\na: b # auth0"));
    assert!(found("migrations/a.up.sql", "DEFAULT 'auth0'"));
    assert!(!found("migrations/a.up.sql", "text, -- auth0"));
    let persona = |line: &str| names(line, "persona");
    assert!(
        persona("PersonaClient") && persona("of_persona") && !persona("personal") && !persona("a person")
    );
}

fn may_name(name: &str) -> bool {
    MAY_NAME.iter().any(|(path, _)| name.starts_with(path))
}

/// A module's name has no hyphen.
fn module(connector: &str) -> String {
    connector.replace('-', "_")
}

/// Whether a file is of the vendor's folder.
fn is_of(name: &str, vendor: &str) -> bool {
    let folder = format!("crates/connectors/src/{}", module(vendor));
    name == format!("{folder}.rs") || name.starts_with(&format!("{folder}/"))
}

/// Whether a line has the name as a word: `auth0_users`, `Auth0Users`, `sso-sync-auth0`.
fn names(line: &str, vendor: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.match_indices(vendor).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + vendor.len()..]);
        let begins = !before.ends_with(|it: char| it.is_ascii_alphanumeric())
            || line[start..].starts_with(|it: char| it.is_ascii_uppercase());
        let ends = !after.starts_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit());
        begins && ends
    })
}

/// The lines of a file without comments, and without the tests at the end of a module.
fn code(name: &str, text: &str) -> Vec<String> {
    let is = |end: &str| Path::new(name).extension().is_some_and(|extension| extension == end);
    if is("rs") {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        // A web address is no comment.
        return text.lines().map(|line| before(&line.replace("://", ":"), "//")).collect();
    }
    if is("sql") {
        return text.lines().map(|line| before(line, "--")).collect();
    }
    // Comments of templates have several lines.
    let text = text.replace("{{- /*", "{{/*");
    let mut rest = text.as_str();
    let mut kept = String::new();
    while let Some((text, comment)) = rest.split_once("{{/*") {
        kept.push_str(text);
        let (comment, after) = comment.split_once("*/").unwrap_or((comment, ""));
        kept.push_str(&"\n".repeat(comment.matches('\n').count()));
        rest = after;
    }
    kept.push_str(rest);
    kept.lines().map(|line| before(&format!(" {line}"), " #")).collect()
}

fn before(line: &str, comment: &str) -> String {
    line.split(comment).next().unwrap().to_owned()
}

/// Every file that a deployment is made of.
fn product() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for parent in ["crates", "workers", "jobs"] {
        for name in folders(parent) {
            below(&workspace().join(parent).join(name).join("src"), &mut files);
        }
    }
    for parent in ["deploy", "docker", "migrations"] {
        below(&workspace().join(parent), &mut files);
    }
    files
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            below(&path, files);
        } else if !name.ends_with(".md") && name != "tests.rs" {
            files.push(path);
        }
    }
}
