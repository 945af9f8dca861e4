//! A virtual environment of Python with packages at pinned versions. In: `python3`, the package registry. Out: a folder. Must
//! not know: the programs, and other users of the same folder.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, bail};

// Written last, with the installed versions. A folder is used only if it has this file.
const MARKER: &str = "installed";

#[derive(Debug, Clone, Copy)]
pub(crate) struct Environment<'a> {
    pub(crate) name: &'a str,
    pub(crate) requirements: &'a [&'a str],
}

impl fmt::Display for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.requirements.join(" "))
    }
}

impl Environment<'_> {
    pub(crate) fn is_complete(&self, folder: &Path) -> bool {
        folder.join("bin/python").exists()
            && fs::read_to_string(folder.join(MARKER)).is_ok_and(|marker| marker == self.to_string())
    }

    pub(crate) fn install(&self, folder: &Path) -> anyhow::Result<()> {
        // Such a folder cannot be moved, so it is made in its place.
        make(folder)?;
        let pip = Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"])
            // Python compiles modules when they are imported. To compile many thousand files here would take long.
            .arg("--no-compile")
            .args(self.requirements)
            .output()
            .context("cannot run pip in the new virtual environment")?;
        if !pip.status.success() {
            bail!(
                "pip cannot install {self}: is the Python package registry reachable (proxy: HTTPS_PROXY, mirror: \
                 PIP_INDEX_URL)? It says: {}",
                last_line(&pip)
            );
        }
        fs::write(folder.join(MARKER), self.to_string())
            .context("cannot write the marker of an installed program")
    }
}

fn make(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).output();
    let made = made
        .context("the local stack needs Python 3.10 or newer: try `apt-get install python3 python3-venv`")?;
    if !made.status.success() {
        bail!(
            "python3 has no working venv module: try `apt-get install python3-venv`. It says: {}",
            last_line(&made)
        );
    }
    Ok(())
}

pub(crate) fn last_line(output: &Output) -> String {
    let said = [output.stdout.as_slice(), b"\n", output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said);
    let mut lines = said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.to_ascii_lowercase().starts_with("error"));
    error.or_else(|| lines.next()).unwrap_or("nothing").to_owned()
}
