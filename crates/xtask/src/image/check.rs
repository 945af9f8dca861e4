//! Reads the image as a container engine does, and runs its binaries. In: only the archive. Out: a line for each promise of
//! `docker/README.md` that holds, or an error on the first one that does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tar::EntryType;
use testkit::{Setup, World, workers};

use super::archive::{self, Archive, Image, environment};
use super::root::{AUTHORITIES, BINARIES, LICENCES, MATERIALS, SMALL_FILES, USER, zones};
use super::{NAME, confined, licences, materials, units};
use crate::commands::tools;

// The template's value. The testkit's default is shorter than a step of a handler may take.
const VISIBILITY_SECS: u32 = 60;

pub(super) fn run(workspace: &Path, folder: &Path, written: &Archive) -> anyhow::Result<()> {
    println!("\n── check");
    let units = units::all(workspace)?;
    let image = archive::read(&written.path)?;
    ensure!(image.digest == written.digest, "the archive holds {}", image.digest);
    println!("ok: every part has the digest of its name");
    let content = content(&image.layer)?;
    only_what_is_expected(&content, &units)?;
    println!(
        "ok: {} files: root owns all of them, none is writable, no shell, no link, no script",
        content.len()
    );
    configuration(&image, &content)?;
    println!("ok: runs as {USER}, and has its labels");
    nothing_of_this_machine(&content, workspace)?;
    println!("ok: no file contains a path of this machine");
    bill(&content, folder, &units)?;
    println!("ok: the bill of materials names every unit, and every crate is a dependency of one");
    again(folder, &image, written)?;
    println!("ok: a second archive of the same files has the same digest");
    confined::is_possible()?;
    let unpacked = tempfile::tempdir()?;
    let root = unpacked.path().join("root");
    tar::Archive::new(image.layer.as_slice()).unpack(&root)?;
    versions(&root, &units)?;
    println!(
        "ok: each of {} binaries prints its version, in a read-only file system, as {USER}",
        units.len()
    );
    doctor(&root)?;
    println!("ok: `coppice doctor` finds no fault in the local stack, for each worker");
    Ok(())
}

struct File {
    mode: u32,
    owner: (u64, u64),
    kind: EntryType,
    bytes: Vec<u8>,
}

fn content(layer: &[u8]) -> anyhow::Result<BTreeMap<String, File>> {
    let mut content = BTreeMap::new();
    for entry in tar::Archive::new(layer).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_str().context("a path that is not UTF-8")?.to_owned();
        let header = entry.header();
        let (mode, owner, kind) = (header.mode()?, (header.uid()?, header.gid()?), header.entry_type());
        ensure!(header.mtime()? == 0, "{path} has a time of change");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if kind == EntryType::Directory {
            ensure!(mode == 0o755 && owner == (0, 0), "the folder {path} is writable, or not root's");
        } else {
            content.insert(path, File { mode, owner, kind, bytes });
        }
    }
    Ok(content)
}

fn only_what_is_expected(content: &BTreeMap<String, File>, units: &[String]) -> anyhow::Result<()> {
    let mut expected: BTreeSet<String> = units.iter().map(|unit| format!("{BINARIES}/{unit}")).collect();
    expected.extend(SMALL_FILES.map(|(path, _)| path.to_owned()));
    expected.extend(zones().map(|(path, _)| path));
    expected.extend(licences::names().map(|name| format!("{LICENCES}/{name}")));
    expected.extend([AUTHORITIES.to_owned(), format!("{MATERIALS}/{}", materials::FILE)]);
    let found: BTreeSet<String> = content.keys().cloned().collect();
    let (missing, foreign): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(&expected).collect());
    ensure!(missing.is_empty() && foreign.is_empty(), "missing: {missing:?}; not expected: {foreign:?}");
    for (path, file) in content {
        let mode = if path.starts_with(BINARIES) { 0o755 } else { 0o644 };
        ensure!(file.kind == EntryType::Regular, "{path} is no plain file");
        ensure!(file.owner == (0, 0), "{path} is not root's");
        ensure!(file.mode == mode, "{path} has the mode {:o}", file.mode);
        ensure!(!file.bytes.starts_with(b"#!"), "{path} is a script");
    }
    Ok(())
}

fn configuration(image: &Image, content: &BTreeMap<String, File>) -> anyhow::Result<()> {
    let config = &image.config["config"];
    let user = config["User"].as_str().unwrap_or_default();
    let (uid, gid) = user.split_once(':').unwrap_or_default();
    let is_number = |id: &str| id.parse::<u32>().is_ok_and(|id| id != 0);
    ensure!(is_number(uid) && is_number(gid), "USER is {user:?}: not a user and a group by number, or root");
    let variables: Vec<&str> =
        config["Env"].as_array().context("no environment")?.iter().filter_map(Value::as_str).collect();
    for (name, value) in environment() {
        ensure!(variables.contains(&format!("{name}={value}").as_str()), "{name} is not {value}");
    }
    let command = config["Cmd"][0].as_str().context("no command")?;
    ensure!(content.contains_key(command.trim_start_matches('/')), "the command {command} is not there");
    for label in ["title", "licenses", "version", "revision"] {
        let label = format!("org.opencontainers.image.{label}");
        let value = config["Labels"][&label].as_str().unwrap_or_default();
        ensure!(!value.is_empty(), "no label {label}");
    }
    Ok(())
}

fn nothing_of_this_machine(content: &BTreeMap<String, File>, workspace: &Path) -> anyhow::Result<()> {
    // The paths of the build machine are private, and would make the image differ from machine to machine.
    let folders = [workspace.to_owned(), units::cargo_home()?, units::target_directory(workspace)?];
    for folder in folders {
        let name = folder.to_str().context("a path that is not UTF-8")?.as_bytes();
        for (path, file) in content {
            let named = memchr::memmem::find(&file.bytes, name).is_some();
            ensure!(!named, "{path} names {}", folder.display());
        }
    }
    Ok(())
}

fn bill(content: &BTreeMap<String, File>, folder: &Path, units: &[String]) -> anyhow::Result<()> {
    let inside = &content[&format!("{MATERIALS}/{}", materials::FILE)].bytes;
    ensure!(*inside == fs::read(folder.join(materials::FILE))?, "the one beside the image is another");
    let bill: Value = serde_json::from_slice(inside)?;
    let components = bill["components"].as_array().context("no components")?;
    let references: BTreeSet<&str> = components.iter().filter_map(|one| one["bom-ref"].as_str()).collect();
    for unit in units {
        let named = components.iter().any(|one| one["name"] == unit.as_str() && one["type"] == "application");
        ensure!(named, "{unit} is not in the bill of materials");
    }
    let edges: BTreeMap<&str, BTreeSet<&str>> = bill["dependencies"]
        .as_array()
        .context("no dependencies")?
        .iter()
        .filter_map(|one| Some((one["ref"].as_str()?, one["dependsOn"].as_array()?)))
        .map(|(of, on)| (of, on.iter().filter_map(Value::as_str).collect()))
        .collect();
    let image = bill["metadata"]["component"]["bom-ref"].as_str().context("no subject")?;
    // Every component must be a dependency of the image, directly or not.
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![image]);
    while let Some(next) = ahead.pop() {
        for on in edges.get(next).into_iter().flatten() {
            ensure!(references.contains(on), "{on} is depended upon, and not described");
            if reached.insert(*on) {
                ahead.push(on);
            }
        }
    }
    let unreached: Vec<_> = references.difference(&reached).collect();
    ensure!(unreached.is_empty(), "nothing in the image depends on {unreached:?}");
    Ok(())
}

fn again(folder: &Path, image: &Image, written: &Archive) -> anyhow::Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let architecture = image.config["architecture"].as_str().context("no architecture")?;
    let label = |name: &str| {
        image.config["config"]["Labels"][format!("org.opencontainers.image.{name}")]
            .as_str()
            .map(str::to_owned)
    };
    let labels = archive::Labels {
        version: label("version").context("no version")?,
        revision: label("revision").context("no revision")?,
        source: label("source"),
    };
    let path = elsewhere.path().join("again.tar");
    let second = archive::write(&folder.join("root"), architecture, &labels, &path)?;
    ensure!(second.digest == written.digest, "written again, it is {}", second.digest);
    ensure!(fs::read(&second.path)? == fs::read(&written.path)?, "written again, the archive is another");
    Ok(())
}

fn versions(root: &Path, units: &[String]) -> anyhow::Result<()> {
    let expected = env!("CARGO_PKG_VERSION");
    for unit in units {
        let program = format!("/{BINARIES}/{unit}");
        let output = confined::run(root, USER, &environment_of_the_image(), &[&program, "--version"])?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || said.trim() != format!("{unit} {expected}") {
            bail!("{unit} --version: {} {said}{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(())
}

fn environment_of_the_image() -> Vec<(String, String)> {
    environment().map(|(name, value)| (name.to_owned(), value)).to_vec()
}

/// Runs `coppice doctor` in the environment that each worker has in the local stack.
#[tokio::main]
async fn doctor(root: &Path) -> anyhow::Result<()> {
    let setup = Setup { visibility_secs: VISIBILITY_SECS, ..Setup::DEFAULT.with_emulator() };
    let world = World::build(setup, &tools()?).await?;
    let program = format!("/{BINARIES}/{NAME}");
    for unit in workers() {
        let mut variables = environment_of_the_image();
        variables.extend(world.environment(unit, unit, 0));
        let (root, program) = (root.to_owned(), program.clone());
        // On a blocking thread, because the simulators answer on this runtime.
        let confined = tokio::task::spawn_blocking(move || {
            confined::run(&root, USER, &variables, &[&program, "doctor", "--unit", unit])
        });
        let output = confined.await??;
        if !output.status.success() {
            bail!(
                "coppice doctor --unit {unit}: {}\n{}{}",
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    Ok(())
}

/// The files that differ between two folders.
pub(super) fn differences(one: &Path, other: &Path) -> anyhow::Result<Vec<String>> {
    let (one_files, other_files) = (archive::paths(one)?, archive::paths(other)?);
    let mut different = Vec::new();
    for path in one_files.union(&other_files) {
        let same = fs::read(one.join(path)).ok() == fs::read(other.join(path)).ok();
        if !same {
            different.push(path.clone());
        }
    }
    Ok(different)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::root::ZONES;
    use super::*;

    const UNIT: &str = "sso-sync";

    fn file(text: &[u8], mode: u32) -> File {
        File { mode, owner: (0, 0), kind: EntryType::Regular, bytes: text.to_vec() }
    }

    fn files() -> BTreeMap<String, File> {
        let bill = json!({
            "metadata": {"component": {"bom-ref": "image"}},
            "components": [
                {"bom-ref": "unit", "name": UNIT, "type": "application"},
                {"bom-ref": "tokio", "name": "tokio", "type": "library"},
            ],
            "dependencies": [
                {"ref": "image", "dependsOn": ["unit"]},
                {"ref": "unit", "dependsOn": ["tokio"]},
            ],
        });
        let mut files = BTreeMap::from([
            (format!("{BINARIES}/{UNIT}"), file(b"\x7fELF", 0o755)),
            (AUTHORITIES.to_owned(), file(b"authorities", 0o644)),
            (format!("{MATERIALS}/{}", materials::FILE), file(bill.to_string().as_bytes(), 0o644)),
        ]);
        files.extend(licences::names().map(|name| (format!("{LICENCES}/{name}"), file(b"a licence", 0o644))));
        files.extend(zones().map(|(path, content)| (path, file(content, 0o644))));
        files.extend(SMALL_FILES.map(|(path, text)| (path.to_owned(), file(text.as_bytes(), 0o644))));
        files
    }

    fn refused(change: impl FnOnce(&mut BTreeMap<String, File>)) -> String {
        let mut files = files();
        change(&mut files);
        only_what_is_expected(&files, &[UNIT.to_owned()]).unwrap_err().to_string()
    }

    #[test]
    fn a_surplus_a_missing_and_a_wrong_kind_of_file_are_found() {
        only_what_is_expected(&files(), &[UNIT.to_owned()]).unwrap();
        let unit = format!("{BINARIES}/{UNIT}");
        let shell = refused(|files| drop(files.insert("bin/sh".to_owned(), file(b"\x7fELF", 0o755))));
        assert_eq!(shell, "missing: []; not expected: [\"bin/sh\"]");
        let less = refused(|files| drop(files.remove(AUTHORITIES)));
        assert_eq!(less, "missing: [\"etc/ssl/certs/ca-certificates.crt\"]; not expected: []");
        let less = refused(|files| drop(files.remove(&format!("{ZONES}/Europe/Berlin"))));
        assert_eq!(less, "missing: [\"usr/share/zoneinfo/Europe/Berlin\"]; not expected: []");
        let script = refused(|files| drop(files.insert(unit.clone(), file(b"#!/bin/sh", 0o755))));
        assert_eq!(script, "usr/local/bin/sso-sync is a script");
        let privileged = refused(|files| files.get_mut(&unit).unwrap().mode = 0o4755);
        assert_eq!(privileged, "usr/local/bin/sso-sync has the mode 4755");
        let writable = refused(|files| files.get_mut("etc/passwd").unwrap().mode = 0o666);
        assert_eq!(writable, "etc/passwd has the mode 666");
        let owned = refused(|files| files.get_mut(&unit).unwrap().owner = (65532, 65532));
        assert_eq!(owned, "usr/local/bin/sso-sync is not root's");
        let link = refused(|files| files.get_mut(&unit).unwrap().kind = EntryType::Symlink);
        assert_eq!(link, "usr/local/bin/sso-sync is no plain file");
    }

    fn image() -> Image {
        let labels = archive::Labels { version: "1.2.3".into(), revision: "abc".into(), source: None };
        let variables = environment().map(|(name, value)| format!("{name}={value}"));
        let config = json!({"config": {
            "User": USER, "Env": variables, "Cmd": [format!("/{BINARIES}/{UNIT}")], "Labels": labels.all(),
        }});
        Image { digest: String::new(), config, layer: Vec::new() }
    }

    #[test]
    fn root_a_user_by_name_and_missing_settings_are_found() {
        configuration(&image(), &files()).unwrap();
        for user in ["", "0:0", "65532:0", "root", "nonroot", "nonroot:nonroot", "65532"] {
            let mut image = image();
            image.config["config"]["User"] = json!(user);
            let refused = configuration(&image, &files()).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("USER is {user:?}")), "{refused}");
        }
        for (key, value, sentence) in [
            (
                "Env",
                json!(["PATH=/usr/local/bin"]),
                "SSL_CERT_FILE is not /etc/ssl/certs/ca-certificates.crt",
            ),
            ("Cmd", json!(["/bin/sh"]), "the command /bin/sh is not there"),
            ("Labels", json!({}), "no label org.opencontainers.image.title"),
        ] {
            let mut image = image();
            image.config["config"][key] = value;
            assert_eq!(configuration(&image, &files()).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn a_path_of_this_machine_in_a_file_is_found() {
        let workspace = crate::commands::workspace();
        nothing_of_this_machine(&files(), &workspace).unwrap();
        let mut files = files();
        let panic = format!("panicked at {}/workers/sso-sync/src/main.rs", workspace.display());
        files.insert("etc/passwd".to_owned(), file(panic.as_bytes(), 0o644));
        let refused = nothing_of_this_machine(&files, &workspace).unwrap_err().to_string();
        assert_eq!(refused, format!("etc/passwd names {}", workspace.display()));
    }

    #[test]
    fn an_incomplete_bill_of_materials_is_found() {
        let path = format!("{MATERIALS}/{}", materials::FILE);
        let tried = |change: fn(&mut Value), units: &[&str]| {
            let mut files = files();
            let mut document: Value = serde_json::from_slice(&files[&path].bytes).unwrap();
            change(&mut document);
            files.insert(path.clone(), file(document.to_string().as_bytes(), 0o644));
            let beside = tempfile::tempdir().unwrap();
            fs::write(beside.path().join(materials::FILE), document.to_string()).unwrap();
            let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
            bill(&files, beside.path(), &units).map_err(|error| error.to_string())
        };
        assert_eq!(tried(|_| (), &[UNIT]), Ok(()));
        assert_eq!(tried(|_| (), &["audit"]), Err("audit is not in the bill of materials".to_owned()));
        let undescribed =
            tried(|bill| bill["dependencies"][1]["dependsOn"] = json!(["tokio", "time"]), &[UNIT]);
        assert_eq!(undescribed, Err("time is depended upon, and not described".to_owned()));
        let unreached = tried(|bill| bill["dependencies"][1]["dependsOn"] = json!([]), &[UNIT]);
        assert_eq!(unreached, Err("nothing in the image depends on [\"tokio\"]".to_owned()));
    }
}
