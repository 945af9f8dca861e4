//! Checks that every log line has the form, and only the fields, of `docs/reference/logging.md`.

use std::collections::BTreeSet;
use std::fs;

use crate::{folders, read, rust_files, workspace};

/// Developers' tools print for a person, and log nothing.
const WITHOUT_LOGS: [&str; 4] = ["local-stack", "simulators", "testkit", "xtask"];

const EVENTS: [&str; 6] = ["error!(", "warn!(", "info!(", "debug!(", "info_span!(", "error_span!("];

/// The arguments of each `tracing` macro in the deployed code, with its file.
fn calls() -> Vec<(String, String)> {
    let libraries = folders("crates").into_iter().filter(|name| !WITHOUT_LOGS.contains(&name.as_str()));
    let libraries = libraries.map(|name| format!("crates/{name}/src"));
    let units = ["workers", "jobs"]
        .into_iter()
        .flat_map(|parent| folders(parent).into_iter().map(move |name| format!("{parent}/{name}/src")));
    let mut calls = Vec::new();
    for folder in libraries.chain(units) {
        for file in rust_files(&workspace().join(folder)) {
            let code = fs::read_to_string(&file).unwrap();
            for rest in code.split("tracing::").skip(1) {
                if let Some(arguments) = EVENTS.iter().find_map(|name| rest.strip_prefix(name)) {
                    calls.push((file.display().to_string(), until_closed(arguments).to_owned()));
                }
            }
        }
    }
    calls
}

fn until_closed(text: &str) -> &str {
    let mut depth = 1;
    let end = text.find(|character| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &text[..end.expect("a macro's parentheses are closed")]
}

/// The fields' names, and the message: the last text.
fn parts(arguments: &str) -> (BTreeSet<String>, String) {
    let pieces: Vec<&str> = arguments.split('"').collect();
    let message = (*pieces.iter().skip(1).step_by(2).next_back().unwrap_or(&"")).to_owned();
    let outside: String = pieces.iter().step_by(2).copied().collect();
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_lowercase() || character == '_')
    };
    let named = outside.split(',').map(|piece| piece.split('=').next().unwrap_or_default().trim());
    let named = named.map(|name| name.trim_start_matches(['%', '?']).to_owned());
    (named.filter(|name| is_name(name)).collect(), message)
}

#[test]
fn every_log_line_has_a_lower_case_message_without_a_period_and_known_fields_only() {
    let page = read("docs/reference/logging.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let known: BTreeSet<String> =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    let mut used = BTreeSet::new();
    let calls = calls();
    assert!(calls.len() >= 60, "{}", calls.len());
    for (file, arguments) in calls {
        let (fields, message) = parts(&arguments);
        // `CMS`: a term that begins with capitals.
        let begins = message.split(' ').next().unwrap_or_default();
        let is_term = begins.len() > 1 && begins.chars().all(|character| character.is_ascii_uppercase());
        assert!(!message.is_empty() && !message.ends_with('.'), "{file}: {message}");
        assert!(
            is_term || message.starts_with(|first: char| first.is_ascii_lowercase()),
            "{file}: {message}"
        );
        let unknown: Vec<&String> = fields.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?} is not in docs/reference/logging.md");
        used.extend(fields);
    }
    let levels = ["error", "warn", "info", "debug"].map(str::to_owned);
    let unused: Vec<&String> =
        known.difference(&used).filter(|name| !levels.contains(name) || *name == "error").collect();
    assert!(unused.is_empty(), "docs/reference/logging.md: no log line has {unused:?}");
}

#[test]
fn fields_and_message_are_read_from_a_call() {
    let (fields, message) = parts(r#"%error, attempts, class = reason.class, "attempt failed, again""#);
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), ["attempts", "class", "error"]);
    assert_eq!(message, "attempt failed, again");
}
