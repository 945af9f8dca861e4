//! A `PgBouncer` in front of a server. In: the server's port and a pool mode. Out: a port. Must not know: any table.

use std::fs::{self, File};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use nix::sys::signal::Signal;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::certificates::{Authority, ServerCertificate};
use crate::children::{ChildGuard, command_that_dies_with_us, private_folder};
use crate::polling::wait_until;
use crate::ports::free_port;
use crate::postgres::{NAME, Owner, give, run_as};
use crate::tools::{Tools, tail};

/// Environment variable with the mode of the poolers of a test run: `cargo xtask nightly --only poolers` sets it.
pub const TEST_POOLER: &str = "COPPICE_TEST_POOLER";

const START_LIMIT: Duration = Duration::from_secs(30);

/// When a session of the server goes to another client: <https://www.pgbouncer.org/features.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// When the client disconnects.
    Session,
    /// When a transaction ends.
    Transaction,
}

/// A running `PgBouncer`. Dropping it ends it.
#[derive(Debug)]
pub struct PgBouncer {
    _child: ChildGuard,
    _folder: TempDir,
    port: u16,
    mode: PoolMode,
    /// The file with the authority's certificate.
    authority: String,
}

impl PgBouncer {
    /// Starts a pooler in front of the server at this port of this machine, with few sessions for each database, and waits until
    /// it takes connections. It refuses clients without TLS, and has a certificate of an authority of its own.
    ///
    /// # Errors
    /// When it cannot be installed or does not start. The error has its last log lines.
    pub async fn start(tools: &Tools, server: u16, mode: PoolMode) -> anyhow::Result<Self> {
        let program = tools.off_thread(Tools::pgbouncer).await?;
        let (folder, owner, port) = (private_folder("pgbouncer")?, Owner::when_root()?, free_port()?);
        let file = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = folder.path().join(name);
            fs::write(&path, text)?;
            give(&path, owner)?;
            Ok(path.display().to_string())
        };
        give(folder.path(), owner)?;
        let roles = fleet::with_sql_role().map(|unit| unit.sql_role(fleet::ROLE_PREFIX));
        let users: Vec<String> =
            roles.chain([NAME.to_owned()]).map(|user| format!("\"{user}\" \"{NAME}\"\n")).collect();
        let users = file("users.txt", &users.concat())?;
        let authority = Authority::generate()?;
        let ServerCertificate { certificate, key } = authority.sign(&["localhost"])?;
        let (certificate, key) = (file("server.crt", &certificate)?, file("server.key", &key)?);
        let authority = file("authority.crt", &authority.certificate())?;
        let pool_mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        let config = file(
            "pgbouncer.ini",
            &format!(
                "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\n\
                 pool_mode = {pool_mode}\ndefault_pool_size = 20\nmax_client_conn = 500\n\
                 client_tls_sslmode = require\nclient_tls_cert_file = {certificate}\nclient_tls_key_file = {key}\n"
            ),
        )?;
        let log = folder.path().join("pgbouncer.log");
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = command_that_dies_with_us(&program.path, Signal::SIGTERM);
        run_as(&mut command, owner);
        command.env("LD_LIBRARY_PATH", &program.libraries).arg(config);
        command.stdout(output.try_clone()?).stderr(output);
        // It ends at once on SIGTERM, and after its clients on SIGINT.
        let mut child = ChildGuard::spawn(command, Signal::SIGTERM)?;
        let started = wait_until(START_LIMIT, "PgBouncer to take connections", async || {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(Err(anyhow!("PgBouncer ended at once: {status}"))));
            }
            let url = format!("postgres://{NAME}:{NAME}@127.0.0.1:{port}/postgres?sslmode=require");
            let options: sqlx::postgres::PgConnectOptions = url.parse()?;
            PgConnection::connect_with(&options.extra_float_digits(None)).await?.close().await?;
            Ok(Some(Ok(())))
        });
        started.await.and_then(|ended| ended).with_context(|| tail(&log))?;
        Ok(Self { _child: child, _folder: folder, port, mode, authority })
    }

    /// The pooler that this test run asks for, in front of the server of this URL. `None`: tests connect to the server itself.
    ///
    /// # Errors
    /// When the variable has no known mode, or the pooler does not start.
    #[expect(
        clippy::disallowed_methods,
        reason = "the run's own services are named by its environment, not by settings"
    )]
    pub async fn of_this_run(tools: &Tools, url: &str) -> anyhow::Result<Option<Self>> {
        let mode = match std::env::var(TEST_POOLER).unwrap_or_default().as_str() {
            "" => return Ok(None),
            "session" => PoolMode::Session,
            "transaction" => PoolMode::Transaction,
            _ => bail!("{TEST_POOLER} is session or transaction"),
        };
        let port = url.rsplit(['/', ':']).nth(1).and_then(|port| port.parse().ok());
        Ok(Some(Self::start(tools, port.context("the URL has a port")?, mode).await?))
    }

    /// `url` of a database of the server, through this pooler.
    pub fn through(&self, url: &str) -> String {
        let (start, database) = url.rsplit_once('/').unwrap_or((url, ""));
        let (user, _) = start.rsplit_once('@').unwrap_or((start, ""));
        let pooling = match self.mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
        };
        let tls = format!("sslmode=verify-full&sslrootcert={}", self.authority);
        format!("{user}@localhost:{}/{database}?pooling={pooling}&{tls}", self.port)
    }
}
