//! One standard term for each thing: words that `docs/GLOSSARY.md` replaces stand in no document, no help, no log line and
//! no migration.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace;

/// A word, and the term to use instead.
const REPLACED: &[(&str, &str)] = &[
    ("letter", "message, or dead-lettered message"),
    ("letters", "messages"),
    ("told", "an active verb: says, asks for, pushed"),
    ("nobody", "the actor: no unit, no person"),
    ("somebody", "the actor: a person, an operator"),
    ("whoever", "the actor"),
    ("surroundings", "dependencies"),
    ("trouble", "fault, or outage"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("anew", "again"),
    ("happening", "event"),
    ("happenings", "events"),
    ("bury", "dead-letter"),
    ("buried", "dead-lettered"),
];

/// Where a word has its everyday sense, or is part of the term of the field.
const EVERYDAY: &[&str] = &[
    "dead-letter",
    "dead_letter",
    "ascii letter",
    "capital letter",
    "lower-case letter",
    "small letter",
    "upper-case letter",
    "letters and digits",
    "letters, digits",
    // The operating system's user.
    "\"nobody\"",
];

/// Folders whose text a person reads.
const FOLDERS: &[&str] = &[
    "crates",
    "deploy",
    "docker",
    "docs",
    "fuzz",
    "jobs",
    "migrations",
    "tests",
    "workers",
    ".github",
    ".config",
];

/// Records of what was measured keep the words of their time; this file has to name them.
const LEFT_OUT: &[&str] = &["docs/measurements", "tests/fleet-consistency/tests/it/words.rs"];

#[test]
fn no_text_uses_a_word_that_the_glossary_replaces() {
    let mut found = Vec::new();
    for path in texts() {
        let name = path.strip_prefix(workspace()).unwrap().display().to_string();
        if LEFT_OUT.iter().any(|left| name.starts_with(left)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            for (word, instead) in replaced_in(line) {
                found.push(format!("{name}:{}: {word} → {instead}", number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{} words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn a_word_is_found_alone_and_in_names_and_not_in_its_everyday_sense() {
    let words = |line| replaced_in(line).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(words("Nobody was told, says the letter."), ["letter", "told", "nobody"]);
    assert_eq!(words("fn letters_die() {"), ["letters"]);
    assert_eq!(words("capital letters, and a newsletter; recommended"), [""; 0]);
}

/// The replaced words in a line. Names are read word by word: `letters_die`.
fn replaced_in(line: &str) -> Vec<(&'static str, &'static str)> {
    let mut line = line.to_lowercase();
    for phrase in EVERYDAY {
        line = line.replace(&format!("{phrase}s"), "").replace(phrase, "");
    }
    let words: Vec<&str> = line.split(|character: char| !character.is_ascii_alphabetic()).collect();
    REPLACED.iter().filter(|(word, _)| words.contains(word)).copied().collect()
}

/// Every text of the project that a person reads.
fn texts() -> Vec<PathBuf> {
    let root = fs::read_dir(workspace()).unwrap().map(|entry| entry.unwrap().path());
    let mut texts: Vec<PathBuf> = root.filter(|path| path.is_file() && is_text(path)).collect();
    for folder in FOLDERS {
        below(&workspace().join(folder), &mut texts);
    }
    assert!(texts.len() > 500, "{} texts", texts.len());
    texts
}

fn below(folder: &Path, texts: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !["target", "node_modules", "fixtures", "corpus", "artifacts"].contains(&name.as_str())
        {
            below(&path, texts);
        } else if is_text(&path) {
            texts.push(path);
        }
    }
}

fn is_text(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["md", "rs", "sql", "toml", "yaml", "yml", "tpl", "txt"].iter().any(|known| extension == *known)
    })
}
