//! A virtual environment of Python, filled with packages at pinned versions.
//!
//! In: `python3`, the package registry. Out: a folder. Such a folder cannot be moved, so it is created in its place, and is
//! used only after its marker was written. Must not know: the programs, and other users of the same folder.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, bail};

/// File that is written last, with the installed versions.
const MARKER: &str = "installed";

/// The packages of one folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Environment<'a> {
    /// Name of the folder.
    pub(crate) name: &'a str,
    /// Requirements for pip: `package==version`.
    pub(crate) requirements: &'a [&'a str],
}

impl fmt::Display for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.requirements.join(" "))
    }
}

impl Environment<'_> {
    /// Whether exactly these versions are completely installed, and their Python still exists.
    pub(crate) fn is_complete(&self, folder: &Path) -> bool {
        folder.join("bin/python").exists()
            && fs::read_to_string(folder.join(MARKER)).is_ok_and(|marker| marker == self.to_string())
    }

    /// Deletes the folder and installs again.
    ///
    /// # Errors
    /// When Python or the registry fails; says what is missing.
    pub(crate) fn install(&self, folder: &Path) -> anyhow::Result<()> {
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

/// Makes an empty environment, and deletes the old folder first.
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

/// The most useful line of an output: the last one with `error`, otherwise the last one.
pub(crate) fn last_line(output: &Output) -> String {
    let said = [output.stdout.as_slice(), b"\n", output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said);
    let mut lines = said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.to_ascii_lowercase().starts_with("error"));
    error.or_else(|| lines.next()).unwrap_or("nothing").to_owned()
}
