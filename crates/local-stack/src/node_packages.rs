//! Packages of Node at the versions of a lock file. In: a folder with `package.json` and `package-lock.json`, `npm`, the
//! package registry. Out: a folder with both files and their `node_modules`. Must not know: what the packages are for.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::virtual_environment::last_line;

const PACKAGE: &str = "package.json";
const LOCK: &str = "package-lock.json";

// Written last: the lock file of the installed packages. A folder is used only if it has this file.
const MARKER: &str = "installed";

pub(crate) fn is_complete(package: &Path, folder: &Path) -> anyhow::Result<bool> {
    let lock = read(&package.join(LOCK))?;
    Ok(fs::read_to_string(folder.join(MARKER)).is_ok_and(|marker| marker == lock))
}

pub(crate) fn install(package: &Path, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    for file in [PACKAGE, LOCK] {
        fs::write(folder.join(file), read(&package.join(file))?)?;
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
        .current_dir(folder)
        .output()
        .context("cannot run npm: try `apt-get install npm`")?;
    if !npm.status.success() {
        bail!(
            "npm cannot install {}: is the Node package registry reachable? It says: {}",
            package.display(),
            last_line(&npm)
        );
    }
    fs::write(folder.join(MARKER), read(&package.join(LOCK))?)
        .context("cannot write the marker of installed packages")
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
