//! The container image: one for the whole fleet, with every binary.
//!
//! In: this checkout. Out, under `target/image` (`target/image-trial` for a trial image): `root`, the file system of the image;
//! `coppice.tar`, the image; and `coppice.cdx.json`, its bill of materials. The build needs no image registry, no container
//! engine and no root. The binaries need no other file, so an image is one layer of files and three small documents, which
//! `archive` writes. The image must contain nothing of this machine: no path, no time, no certificate, no user.

mod archive;
mod check;
mod confined;
mod licences;
mod materials;
mod root;
mod units;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::commands::{run_step, workspace};
use archive::{Archive, Labels};
pub(crate) use units::host_triple;

const NAME: &str = "coppice";

const RELEASE: &str = "release";
const FOLDER: &str = "image";
/// The cargo profile of a trial image, and its folder under `target`.
const TRIAL: &str = "image-trial";

/// Options of `cargo xtask image`.
#[derive(Debug, Args)]
pub(crate) struct ImageArguments {
    /// Check the image: its files, its user, each binary, `coppice doctor` in the local stack.
    #[arg(long)]
    check: bool,
    /// Compile without optimisation, in a third of the time. For a trial, not for deployment.
    #[arg(long, conflicts_with = "reproduce")]
    trial: bool,
    /// Build the image a second time, from a clone in another folder, and compare. Takes as long as a first build.
    #[arg(long)]
    reproduce: bool,
    /// Git revision for the image's label. Needed if this is no git checkout, as in a container build.
    #[arg(long)]
    revision: Option<String>,
    /// Address of the repository, for the image's label. Default: no such label.
    #[arg(long)]
    source: Option<String>,
}

/// Builds the image for deployment, checks it, builds it again from a clone in another folder, and compares.
pub(crate) fn for_the_night() -> anyhow::Result<()> {
    run(ImageArguments { check: true, trial: false, reproduce: true, revision: None, source: None })
}

/// The files of the image in a release.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) archive: PathBuf,
    pub(crate) materials: PathBuf,
    /// The licence texts in it, by their names.
    pub(crate) licences: Vec<(&'static str, String)>,
}

/// Builds the image for deployment, and checks it.
pub(crate) fn for_release() -> anyhow::Result<Built> {
    run(ImageArguments { check: true, trial: false, reproduce: false, revision: None, source: None })?;
    let folder = units::target_directory(&workspace())?.join(FOLDER);
    Ok(Built {
        archive: folder.join(format!("{NAME}.tar")),
        materials: folder.join(materials::FILE),
        licences: licences::gather(&workspace())?,
    })
}

/// Builds the image, then does what the arguments ask for.
///
/// # Errors
/// When it cannot be built, or a check fails.
pub(crate) fn run(arguments: ImageArguments) -> anyhow::Result<()> {
    let workspace = workspace();
    let target = Target::host(if arguments.trial { TRIAL } else { RELEASE })?;
    let revision = match arguments.revision {
        Some(revision) => revision,
        None => revision(&workspace)?,
    };
    let labels = Labels { version: env!("CARGO_PKG_VERSION").to_owned(), revision, source: arguments.source };
    let folder = units::target_directory(&workspace)?.join(if arguments.trial { TRIAL } else { FOLDER });
    let image = build(&workspace, &folder, &target, &labels)?;
    println!("\nimage    {}", image.path.display());
    println!("name     {}", labels.reference());
    println!("size     {:.1} MB, {:.1} MB unpacked", megabytes(image.size), megabytes(image.unpacked));
    println!("digest   {}", image.digest);
    println!("contents {}", folder.join(materials::FILE).display());
    if arguments.check {
        check::run(&workspace, &folder, &image)?;
    }
    if arguments.reproduce {
        reproduce(&workspace, &target, &labels, &folder, &image)?;
    }
    Ok(())
}

fn build(workspace: &Path, folder: &Path, target: &Target, labels: &Labels) -> anyhow::Result<Archive> {
    let units = units::all(workspace)?;
    let binaries = units::build(workspace, target, &units)?;
    let materials = materials::read(workspace, target, &units, &labels.version)?;
    let root = folder.join("root");
    root::assemble(&root, &binaries, &materials, &licences::gather(workspace)?)?;
    std::fs::write(folder.join(materials::FILE), &materials).context("cannot write the bill of materials")?;
    archive::write(&root, target.architecture(), labels, &folder.join(format!("{NAME}.tar")))
}

/// Builds the image again from a clone of the commit, in a folder with another name.
fn reproduce(
    workspace: &Path,
    target: &Target,
    labels: &Labels,
    folder: &Path,
    image: &Archive,
) -> anyhow::Result<()> {
    if labels.revision.ends_with(DIRTY) {
        bail!(
            "--reproduce builds a clone of the commit, and the checkout has uncommitted changes: commit them first"
        );
    }
    let elsewhere = tempfile::tempdir()?;
    let clone = elsewhere.path().join("a-clone-in-another-folder");
    let mut git = std::process::Command::new("git");
    git.args(["clone", "--quiet", "--no-local"]).arg(workspace).arg(&clone);
    run_step("clone", git)?;
    let again = clone.join("target/image");
    let second = build(&clone, &again, target, labels)?;
    if second.digest == image.digest {
        println!("\nthe same digest from a clone in another folder: {}", second.digest);
        return Ok(());
    }
    let different = check::differences(&folder.join("root"), &again.join("root"))?;
    bail!(
        "a clone in another folder gives {}, not {}. Files that differ: {}",
        second.digest,
        image.digest,
        if different.is_empty() { "none".to_owned() } else { different.join(", ") }
    );
}

/// Suffix of the revision of a checkout with uncommitted changes.
const DIRTY: &str = "-dirty";

/// The commit. It has a suffix if the checkout has uncommitted changes.
fn revision(workspace: &Path) -> anyhow::Result<String> {
    let described = std::process::Command::new("git")
        .args(["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=-dirty"])
        .current_dir(workspace)
        .output()
        .context("cannot run git: name the revision with --revision")?;
    if !described.status.success() {
        bail!("this is no git checkout: name the revision with --revision");
    }
    Ok(String::from_utf8(described.stdout)?.trim().to_owned())
}

/// Target of the binaries, and their profile in Cargo.toml.
#[derive(Debug)]
struct Target {
    triple: String,
    profile: &'static str,
}

impl Target {
    /// The target of this machine.
    ///
    /// # Errors
    /// When this machine is no Linux with glibc: the image has Linux binaries.
    fn host(profile: &'static str) -> anyhow::Result<Self> {
        let triple = host_triple()?;
        match triple.as_str() {
            "x86_64-unknown-linux-gnu" | "aarch64-unknown-linux-gnu" => Ok(Self { triple, profile }),
            other => bail!(
                "the image is built on Linux with glibc, on x86-64 or ARM64, and this is {other}: use `docker build \
                 --file docker/Dockerfile .`"
            ),
        }
    }

    fn architecture(&self) -> &'static str {
        if self.triple.starts_with("x86_64") { "amd64" } else { "arm64" }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A unit's binary.
#[derive(Debug)]
struct Binary {
    unit: String,
    path: PathBuf,
}
