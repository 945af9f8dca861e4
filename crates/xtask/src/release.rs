//! Makes the files of a release, and prints the next steps.
//!
//! In: this checkout, with its changelog fragments. Out: the folder `target/release-<version>`: release notes, chart,
//! CloudFormation templates, image, bill of materials, licence texts, and `SHA256SUMS` over them all. Without
//! `--dry-run` it also moves the fragments into `CHANGELOG.md`. It never commits, tags or pushes: it prints those commands.

mod notes;
mod version;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::commands::{run_step, tools, workspace};
use crate::{chart, image};
use notes::Fragment;
use version::Version;

const CHANGELOG: &str = "CHANGELOG.md";
const FRAGMENTS: &str = "changelog.d";
const FRAGMENTS_README: &str = "README.md";
const NOTES: &str = "RELEASE-NOTES.md";
const SUMS: &str = "SHA256SUMS";

/// Files of the checkout that a release ships unchanged, with their new names.
const COPIES: [(&str, &str); 2] = [
    ("deploy/cloudformation/coppice.yaml", "cloudformation-coppice.yaml"),
    ("deploy/cloudformation/roles.yaml", "cloudformation-roles.yaml"),
];

/// Options of `cargo xtask release`.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArguments {
    /// Change no file outside `target`.
    #[arg(long)]
    dry_run: bool,
    /// The version to release: X.Y.Z. Without it, the workspace's.
    #[arg(long)]
    version: Option<String>,
    /// Leave out the image, its bill of materials and the licence texts, which take most of the time. Needs --dry-run.
    #[arg(long, requires = "dry_run")]
    skip_image: bool,
}

/// Makes the files, then changes the changelog unless this is a dry run.
///
/// # Errors
/// When versions differ, a fragment is malformed, there is nothing to release, or a file cannot be made.
pub(crate) fn run(arguments: &ReleaseArguments) -> anyhow::Result<()> {
    let workspace = workspace();
    let version = checked_version(&workspace, arguments.version.as_deref())?;
    if !arguments.dry_run {
        refuse_uncommitted_changes(&workspace)?;
    }
    let plan = Plan::read(&workspace, &version)?;
    let folder = workspace.join(format!("target/release-{version}"));
    make_empty(&folder)?;
    fs::write(folder.join(NOTES), &plan.notes).context("cannot write the release notes")?;
    for (from, to) in COPIES {
        fs::copy(workspace.join(from), folder.join(to)).with_context(|| format!("cannot copy {from}"))?;
    }
    package_chart(&folder, &version)?;
    if !arguments.skip_image {
        add_image(&folder, &version)?;
    }
    let sums = checksums(&folder)?;
    fs::write(folder.join(SUMS), &sums).with_context(|| format!("cannot write {SUMS}"))?;
    println!("\n{}\n{sums}", plan.notes);
    println!("files    {}", folder.display());
    if !arguments.dry_run {
        plan.apply(&workspace)?;
    }
    println!("\n{}", next_steps(&version, arguments.dry_run, plan.changelog.is_some()));
    Ok(())
}

/// The version to release. Every file that names a version must agree.
fn checked_version(workspace: &Path, wanted: Option<&str>) -> anyhow::Result<Version> {
    let own = env!("CARGO_PKG_VERSION");
    let version: Version = wanted.unwrap_or(own).parse()?;
    let mut places = vec![("Cargo.toml: workspace.package.version".to_owned(), own.to_owned())];
    let chart = "deploy/helm/coppice/Chart.yaml";
    places.extend(version::in_chart(chart, &read(workspace, chart)?)?);
    let dockerfile = "docker/Dockerfile";
    places.push(version::in_dockerfile(dockerfile, &read(workspace, dockerfile)?)?);
    version::require_everywhere(&version, &places)?;
    Ok(version)
}

/// The changes of the changelog.
#[derive(Debug)]
struct Plan {
    /// The section of this version.
    notes: String,
    /// The whole new `CHANGELOG.md`; `None` if it has the section already.
    changelog: Option<String>,
    /// Files to remove after the changelog was written.
    fragments: Vec<PathBuf>,
}

impl Plan {
    /// Reads fragments and changelog. A tagged commit has no fragments: there the section is in the changelog.
    fn read(workspace: &Path, version: &Version) -> anyhow::Result<Self> {
        let changelog = read(workspace, CHANGELOG)?;
        let (paths, fragments) = read_fragments(&workspace.join(FRAGMENTS))?;
        let existing = notes::section(&changelog, version);
        match (existing, fragments.is_empty()) {
            (Some(section), true) => Ok(Self { notes: section, changelog: None, fragments: paths }),
            (Some(_), false) => bail!(
                "{CHANGELOG} already has a section for {version}, and {FRAGMENTS}/ has fragments: raise the version \
                 in Cargo.toml, Chart.yaml and docker/Dockerfile"
            ),
            (None, true) => {
                bail!("nothing to release: {FRAGMENTS}/ has no fragment. See {FRAGMENTS}/README.md")
            }
            (None, false) => {
                let breaking = fragments.iter().any(Fragment::is_breaking);
                version::require_step(notes::latest(&changelog).as_ref(), version, breaking)?;
                let notes = notes::build(version, OffsetDateTime::now_utc().date(), &fragments);
                let changelog = notes::insert(&changelog, &notes)?;
                Ok(Self { notes, changelog: Some(changelog), fragments: paths })
            }
        }
    }

    fn apply(&self, workspace: &Path) -> anyhow::Result<()> {
        let Some(changelog) = &self.changelog else { return Ok(()) };
        fs::write(workspace.join(CHANGELOG), changelog)
            .with_context(|| format!("cannot write {CHANGELOG}"))?;
        for path in &self.fragments {
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// Every fragment of the folder, sorted by name, with its path.
fn read_fragments(folder: &Path) -> anyhow::Result<(Vec<PathBuf>, Vec<Fragment>)> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != FRAGMENTS_README {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.push((path, name, text));
        }
    }
    files.sort();
    let (paths, named): (Vec<_>, Vec<_>) =
        files.into_iter().map(|(path, name, text)| (path, (name, text))).unzip();
    Ok((paths, notes::parse_all(named)?))
}

fn package_chart(folder: &Path, version: &Version) -> anyhow::Result<()> {
    let mut helm = Command::new(tools()?.helm()?);
    helm.arg("package").arg(chart::folder()).arg("--destination").arg(folder);
    run_step("chart", helm)?;
    let package = folder.join(format!("coppice-{version}.tgz"));
    if !package.is_file() {
        bail!("helm package wrote no {}", package.display());
    }
    Ok(())
}

fn add_image(folder: &Path, version: &Version) -> anyhow::Result<()> {
    let built = image::for_release()?;
    for (from, to) in [
        (built.archive, format!("coppice-{version}-image.tar")),
        (built.materials, format!("coppice-{version}.cdx.json")),
    ] {
        fs::copy(&from, folder.join(to)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    for (name, text) in built.licences {
        fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// The lines of `SHA256SUMS` for every file of the folder, sorted by name: `sha256sum --check` reads them.
fn checksums(folder: &Path) -> anyhow::Result<String> {
    let mut names: Vec<String> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_, _>>()?;
    names.retain(|name| name != SUMS);
    names.sort();
    let mut sums = String::new();
    for name in names {
        let mut hasher = Sha256::new();
        let mut file = File::open(folder.join(&name)).with_context(|| format!("cannot read {name}"))?;
        io::copy(&mut file, &mut HashWriter(&mut hasher)).with_context(|| format!("cannot read {name}"))?;
        sums.push_str(&format!("{}  {name}\n", hex::encode(hasher.finalize())));
    }
    Ok(sums)
}

/// Feeds a hash, so that no image is read into memory as a whole.
struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The next steps of the person who releases. The tag starts the workflow that builds the published files.
fn next_steps(version: &Version, dry_run: bool, changelog_changes: bool) -> String {
    let heading =
        if dry_run { "Dry run: nothing outside target/ changed. A release continues with:" } else { "Next:" };
    let commit = if changelog_changes {
        format!("  git add {CHANGELOG} {FRAGMENTS}\n  git commit -m \"Release {version}\"\n")
    } else {
        String::new()
    };
    format!(
        "{heading}\n{commit}  git tag --annotate v{version} --message \"Coppice {version}\"\n  \
         git push origin HEAD v{version}\n\
         The tag starts the workflow `release`, which makes these files again from the tagged commit and drafts the \
         release. Then publish the draft, the image and the chart: docs/reference/releasing.md."
    )
}

fn refuse_uncommitted_changes(workspace: &Path) -> anyhow::Result<()> {
    let status = Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(workspace)
        .output()
        .context("cannot run git: a release needs a git checkout")?;
    if !status.status.success() {
        bail!("git status failed in {}: a release needs a git checkout", workspace.display());
    }
    if !status.stdout.is_empty() {
        bail!("the checkout has changes that are not committed: commit them, or use --dry-run");
    }
    Ok(())
}

fn make_empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn read(workspace: &Path, path: &str) -> anyhow::Result<String> {
    fs::read_to_string(workspace.join(path)).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout with nothing but what [`Plan`] reads.
    fn checkout(changelog: &str, fragments: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CHANGELOG), changelog).unwrap();
        fs::create_dir(folder.path().join(FRAGMENTS)).unwrap();
        fs::write(folder.path().join(FRAGMENTS).join(FRAGMENTS_README), "Not a fragment.").unwrap();
        for (name, text) in fragments {
            fs::write(folder.path().join(FRAGMENTS).join(name), text).unwrap();
        }
        folder
    }

    fn empty_changelog() -> String {
        format!("# Changelog\n\n{}\n", notes::MARKER)
    }

    #[test]
    fn this_checkout_agrees_on_its_version_and_every_fragment_is_well_formed() {
        let workspace = workspace();
        let version = checked_version(&workspace, None).unwrap();
        assert_eq!(version.to_string(), env!("CARGO_PKG_VERSION"));
        assert!(checked_version(&workspace, Some("99.0.0")).is_err());
        read_fragments(&workspace.join(FRAGMENTS)).unwrap();
        let changelog = read(&workspace, CHANGELOG).unwrap();
        notes::insert(&changelog, "## section\n").unwrap();
    }

    #[test]
    fn applying_a_plan_moves_the_fragments_into_the_changelog() {
        let folder = checkout(&empty_changelog(), &[("new.added.md", "A new job.\n")]);
        let version: Version = "0.1.0".parse().unwrap();
        let plan = Plan::read(folder.path(), &version).unwrap();
        plan.apply(folder.path()).unwrap();
        let changelog = read(folder.path(), CHANGELOG).unwrap();
        assert!(changelog.contains("## 0.1.0 (") && changelog.contains("- A new job."), "{changelog}");
        assert!(!folder.path().join(FRAGMENTS).join("new.added.md").exists());
        assert!(folder.path().join(FRAGMENTS).join(FRAGMENTS_README).exists());

        // The tagged commit: the same notes, and nothing left to change.
        let tagged = Plan::read(folder.path(), &version).unwrap();
        assert_eq!(tagged.notes, plan.notes);
        assert!(tagged.changelog.is_none());
    }

    #[test]
    fn a_release_without_changes_or_with_an_old_version_is_refused() {
        let version: Version = "0.1.0".parse().unwrap();
        let nothing = checkout(&empty_changelog(), &[]);
        assert!(Plan::read(nothing.path(), &version).unwrap_err().to_string().contains("nothing to release"));
        let released = empty_changelog() + "\n## 0.1.0 (2026-01-01)\n\n### Added\n\n- This.\n";
        let again = checkout(&released, &[("new.added.md", "More.")]);
        assert!(Plan::read(again.path(), &version).unwrap_err().to_string().contains("raise the version"));
    }

    #[test]
    fn checksums_match_sha256sum_and_leave_out_their_own_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), "abc").unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        fs::write(folder.path().join(SUMS), "old").unwrap();
        assert_eq!(
            checksums(folder.path()).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b\n"
        );
    }

    #[test]
    fn the_next_steps_name_the_tag_and_commit_only_a_changed_changelog() {
        let version: Version = "1.2.3".parse().unwrap();
        let steps = next_steps(&version, false, true);
        assert!(steps.contains("git commit") && steps.contains("git push origin HEAD v1.2.3"), "{steps}");
        assert!(!next_steps(&version, true, false).contains("git commit"));
    }
}
