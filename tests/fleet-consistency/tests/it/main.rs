//! Properties of the whole fleet: each unit has one name everywhere, dependencies point in one direction, and documents
//! and deployments name what exists.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod announcements;
mod dependencies;
mod deployment;
mod documents;
mod logs;
mod rights;
mod units;
mod vendors;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use config::Config;
use topology::Model;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The topology of the committed templates.
fn committed() -> Model {
    let config = Config::parse(&read("deploy/cloudformation/coppice.toml"));
    Model::of(&config.unwrap_or_else(|error| panic!("{error}"))).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The names of the folders in a folder, sorted.
fn folders(path: &str) -> Vec<String> {
    let entries = fs::read_dir(workspace().join(path)).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Every Rust file below a folder.
fn rust_files(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
