//! Writes a folder as a container image, and reads one again. In: the file system of an image. Out: one tar with an OCI layout.
//! No container engine writes it: an engine needs root or user namespaces, puts its own version and time into the image, and
//! would have to be installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::{NAME, root};

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

// A constant: the time of the build would make every build a different image.
const CREATED: &str = "1970-01-01T00:00:00Z";

pub(super) const COMMAND: [&str; 2] = ["/usr/local/bin/coppice", "--help"];

#[derive(Debug, Clone)]
pub(super) struct Labels {
    pub(super) version: String,
    pub(super) revision: String,
    pub(super) source: Option<String>,
}

impl Labels {
    pub(super) fn reference(&self) -> String {
        format!("{NAME}:{}", self.version)
    }

    pub(super) fn all(&self) -> BTreeMap<&'static str, String> {
        // `docker/Dockerfile` has the same labels.
        let mut all = BTreeMap::from([
            ("org.opencontainers.image.title", NAME.to_owned()),
            ("org.opencontainers.image.licenses", "Apache-2.0".to_owned()),
            ("org.opencontainers.image.version", self.version.clone()),
            ("org.opencontainers.image.revision", self.revision.clone()),
        ]);
        if let Some(source) = &self.source {
            all.insert("org.opencontainers.image.source", source.clone());
        }
        all
    }
}

pub(super) fn environment() -> [(&'static str, String); 2] {
    // `docker/Dockerfile` has the same variables.
    [("PATH", format!("/{}", root::BINARIES)), ("SSL_CERT_FILE", format!("/{}", root::AUTHORITIES))]
}

#[derive(Debug)]
pub(super) struct Archive {
    pub(super) path: PathBuf,
    /// Size of the archive, in bytes.
    pub(super) size: u64,
    /// Size of its files, in bytes.
    pub(super) unpacked: u64,
    /// Digest of its manifest, which a cluster pins.
    pub(super) digest: String,
}

pub(super) fn write(
    folder: &Path,
    architecture: &str,
    labels: &Labels,
    to: &Path,
) -> anyhow::Result<Archive> {
    let (layer, layer_digest, content_digest) = layer(folder)?;
    let config = serde_json::to_vec(&json!({
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {
            "User": root::USER,
            "Env": environment().map(|(name, value)| format!("{name}={value}")),
            "Cmd": COMMAND,
            "WorkingDir": "/",
            "Labels": labels.all(),
        },
        "rootfs": {"type": "layers", "diff_ids": [content_digest]},
        "history": [{"created": CREATED, "created_by": "cargo xtask image"}],
    }))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest(&config), "size": config.len()},
        "layers": [{"mediaType": LAYER_TYPE, "digest": layer_digest, "size": layer.len()}],
        "annotations": labels.all(),
    }))?;
    let index = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [{
            "mediaType": MANIFEST_TYPE,
            "digest": digest(&manifest),
            "size": manifest.len(),
            "platform": {"architecture": architecture, "os": "linux"},
            "annotations": {
                // The first for podman and buildah, the second for containerd and Docker.
                "org.opencontainers.image.ref.name": labels.version,
                "io.containerd.image.name": format!("docker.io/library/{}", labels.reference()),
            },
        }],
    }))?;
    // Older versions of `docker load` need this list. `docker save` writes it too.
    let list = serde_json::to_vec(&json!([{
        "Config": blob(&digest(&config)),
        "RepoTags": [labels.reference()],
        "Layers": [blob(&layer_digest)],
    }]))?;
    let file = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut tar = Builder::new(file);
    let entries = [
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index),
        ("manifest.json".to_owned(), list),
        (blob(&digest(&manifest)), manifest.clone()),
        (blob(&digest(&config)), config),
        (blob(&layer_digest), layer),
    ];
    for (path, content) in entries {
        append(&mut tar, &path, EntryType::Regular, 0o644, &content)?;
    }
    tar.into_inner()?.sync_all()?;
    Ok(Archive {
        path: to.to_owned(),
        size: fs::metadata(to)?.len(),
        unpacked: files(folder)?.values().map(|file| file.size).sum(),
        digest: digest(&manifest),
    })
}

fn layer(folder: &Path) -> anyhow::Result<(Vec<u8>, String, String)> {
    // The manifest names the digest of the compressed layer, the configuration (`diff_ids`) that of the uncompressed content.
    let compressed = Digesting { to: Vec::new(), hash: Sha256::new() };
    let plain = Digesting { to: GzEncoder::new(compressed, Compression::best()), hash: Sha256::new() };
    let mut tar = Builder::new(plain);
    for (path, file) in files(folder)? {
        if file.is_folder {
            append(&mut tar, &format!("{path}/"), EntryType::Directory, 0o755, &[])?;
        } else {
            let mode = if file.is_executable { 0o755 } else { 0o644 };
            append(&mut tar, &path, EntryType::Regular, mode, &fs::read(folder.join(&path))?)?;
        }
    }
    let (gzip, content) = tar.into_inner()?.finish();
    let (layer, of_layer) = gzip.finish()?.finish();
    Ok((layer, of_layer, content))
}

fn append<W: Write>(
    tar: &mut Builder<W>,
    path: &str,
    kind: EntryType,
    mode: u32,
    content: &[u8],
) -> io::Result<()> {
    // The same folder always gives the same bytes: every time is 0, and every owner is root.
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content)
}

#[derive(Debug)]
struct Found {
    is_folder: bool,
    is_executable: bool,
    size: u64,
}

fn files(folder: &Path) -> anyhow::Result<BTreeMap<String, Found>> {
    // Sorted by path, so each folder comes before its content.
    let mut found = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let name = path.strip_prefix(folder)?.to_str().context("a path that is not UTF-8")?.to_owned();
            if !metadata.is_dir() && !metadata.is_file() {
                bail!("{name} is neither file nor folder");
            }
            let is_executable = metadata.permissions().mode() & 0o100 != 0;
            let size = if metadata.is_file() { metadata.len() } else { 0 };
            found.insert(name, Found { is_folder: metadata.is_dir(), is_executable, size });
            if metadata.is_dir() {
                ahead.push(path);
            }
        }
    }
    Ok(found)
}

/// The paths of all files in a folder.
pub(super) fn paths(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    Ok(files(folder)?.into_iter().filter(|(_, file)| !file.is_folder).map(|(path, _)| path).collect())
}

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// Passes bytes on, and returns their digest at the end.
struct Digesting<W> {
    to: W,
    hash: Sha256,
}

impl<W> Digesting<W> {
    fn finish(self) -> (W, String) {
        (self.to, format!("sha256:{}", hex::encode(self.hash.finalize())))
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[derive(Debug)]
pub(super) struct Image {
    pub(super) digest: String,
    pub(super) config: Value,
    pub(super) layer: Vec<u8>,
}

/// Reads an archive, from its index to its layer. Each part must have the digest of its name.
pub(super) fn read(path: &Path) -> anyhow::Result<Image> {
    let mut content = BTreeMap::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in tar::Archive::new(file).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_str().context("a path that is not UTF-8")?.to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        content.insert(name, bytes);
    }
    let named = |digest_of: &Value| -> anyhow::Result<&Vec<u8>> {
        let name = digest_of["digest"].as_str().context("a descriptor without a digest")?;
        let bytes = content.get(&blob(name)).with_context(|| format!("{name} is not in the archive"))?;
        if digest(bytes) != name || digest_of["size"].as_u64() != Some(bytes.len() as u64) {
            bail!("the content of {name} has another digest");
        }
        Ok(bytes)
    };
    let index: Value = serde_json::from_slice(content.get("index.json").context("no index")?)?;
    let manifest_of = &index["manifests"][0];
    let manifest: Value = serde_json::from_slice(named(manifest_of)?)?;
    let config: Value = serde_json::from_slice(named(&manifest["config"])?)?;
    let mut layer = Vec::new();
    GzDecoder::new(named(&manifest["layers"][0])?.as_slice()).read_to_end(&mut layer)?;
    if config["rootfs"]["diff_ids"] != json!([digest(&layer)]) {
        bail!("the layer is not the one that the configuration names");
    }
    let digest = manifest_of["digest"].as_str().context("a manifest without a digest")?.to_owned();
    Ok(Image { digest, config, layer })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        Labels { version: "1.2.3".into(), revision: "abc".into(), source: Some("https://example.org".into()) }
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("usr/bin/b", 0o755), ("usr/bin/a", 0o700), ("etc/c", 0o600)] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        folder
    }

    #[test]
    fn the_same_files_give_the_same_archive_for_every_writer_and_order() {
        let (one, other) = (folder(), tempfile::tempdir().unwrap());
        for (name, mode) in [("etc/c", 0o644), ("usr/bin/a", 0o775), ("usr/bin/b", 0o755)] {
            let path = other.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let (first, second) = (elsewhere.path().join("1.tar"), elsewhere.path().join("2.tar"));
        let first = write(one.path(), "amd64", &labels(), &first).unwrap();
        let second = write(other.path(), "amd64", &labels(), &second).unwrap();
        assert_eq!(first.digest, second.digest);
        assert_eq!(fs::read(first.path).unwrap(), fs::read(second.path).unwrap());
    }

    #[test]
    fn a_written_archive_can_be_read_and_root_owns_each_file() {
        let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
        let path = elsewhere.path().join("image.tar");
        let written = write(folder.path(), "arm64", &labels(), &path).unwrap();
        let image = read(&path).unwrap();
        assert_eq!(image.digest, written.digest);
        assert_eq!(image.config["architecture"], "arm64");
        assert_eq!(
            image.config["config"]["Labels"]["org.opencontainers.image.source"],
            "https://example.org"
        );
        let mut tar = tar::Archive::new(image.layer.as_slice());
        let entries = tar.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap())
        });
        let expected = [
            ("etc/", 0o755),
            ("etc/c", 0o644),
            ("usr/", 0o755),
            ("usr/bin/", 0o755),
            ("usr/bin/a", 0o755),
            ("usr/bin/b", 0o755),
        ];
        assert_eq!(entries.collect::<Vec<_>>(), expected.map(|(path, mode)| (path.to_owned(), mode)));
    }

    #[test]
    fn an_archive_whose_content_differs_from_its_digest_is_refused() {
        let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
        let path = elsewhere.path().join("image.tar");
        write(folder.path(), "amd64", &labels(), &path).unwrap();
        let bytes = fs::read(&path).unwrap();
        let found = memchr::memmem::find(&bytes, root::USER.as_bytes()).unwrap();
        let mut changed = bytes.clone();
        changed[found..found + 5].copy_from_slice(b"00000");
        fs::write(&path, changed).unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.ends_with("has another digest"), "{refused}");
    }

    #[test]
    fn an_entry_that_is_neither_file_nor_folder_is_refused() {
        let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink("/etc/shadow", folder.path().join("etc/link")).unwrap();
        let refused =
            write(folder.path(), "amd64", &labels(), &elsewhere.path().join("image.tar")).unwrap_err();
        assert_eq!(refused.to_string(), "etc/link is neither file nor folder");
    }

    /// The last stage of the Dockerfile, one instruction a line.
    fn dockerfile() -> Vec<String> {
        let path = crate::commands::workspace().join("docker/Dockerfile");
        let text = fs::read_to_string(path).unwrap().replace("\\\n", " ");
        let (_, last) = text.rsplit_once("FROM scratch\n").unwrap();
        last.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Docker and `cargo xtask image` must build the same kind of image.
    #[test]
    fn the_dockerfile_has_the_same_user_environment_command_and_labels() {
        let lines = dockerfile();
        let labels = Labels {
            version: "${VERSION}".into(),
            revision: "${REVISION}".into(),
            source: Some("${SOURCE}".into()),
        };
        let instruction = |name: &str| -> String {
            lines.iter().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap().to_owned()
        };
        let assignments = |name: &str| -> BTreeSet<String> {
            instruction(name).split(' ').map(|one| one.replace('"', "")).collect()
        };
        assert_eq!(instruction("USER"), root::USER);
        assert_eq!(serde_json::from_str::<Value>(&instruction("CMD")).unwrap(), json!(COMMAND));
        let expected: BTreeSet<String> =
            environment().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(assignments("ENV"), expected);
        let expected: BTreeSet<String> =
            labels.all().iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(assignments("LABEL"), expected);
        assert!(lines.contains(&format!("ARG VERSION={}", env!("CARGO_PKG_VERSION"))), "{lines:?}");
    }

    #[test]
    fn the_dockerfile_builds_with_the_compiler_of_the_workspace() {
        let workspace = crate::commands::workspace();
        let toolchain = fs::read_to_string(workspace.join("rust-toolchain.toml")).unwrap();
        let version = toolchain.split("channel = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let text = fs::read_to_string(workspace.join("docker/Dockerfile")).unwrap();
        assert!(text.contains(&format!("rust:{version}-")), "RUST_IMAGE is not Rust {version}");
        assert!(
            text.contains(&format!("ENV RUSTUP_TOOLCHAIN={version}\n")),
            "RUSTUP_TOOLCHAIN is not {version}"
        );
    }
}
