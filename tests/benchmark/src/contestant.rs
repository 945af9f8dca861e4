//! The contestants, and how each is started.
//!
//! In: the tools. Out: a command with its environment. Must not know: what is measured.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail, ensure};
use local_stack::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Tools, free_port};

use crate::services::{BUS, Services};

/// An implementation of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    SsoSync,
    Bare,
    SqsConsumer,
    SqsConsumerBatched,
    Powertools,
    PowertoolsBatched,
}

/// The command that starts a contestant.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

impl Contestant {
    /// All contestants, in the order of the table and of a round.
    pub(crate) const ALL: [Self; 6] = [
        Self::SsoSync,
        Self::Bare,
        Self::SqsConsumer,
        Self::SqsConsumerBatched,
        Self::Powertools,
        Self::PowertoolsBatched,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SsoSync => "sso-sync",
            Self::Bare => "bare",
            Self::SqsConsumer => "sqs-consumer",
            Self::SqsConsumerBatched => "sqs-consumer-batched",
            Self::Powertools => "powertools",
            Self::PowertoolsBatched => "powertools-batched",
        }
    }

    /// Whether it has Coppice's schema, settings and announcements.
    pub(crate) fn is_ours(self) -> bool {
        self == Self::SsoSync
    }

    /// Finds or installs what the contestant needs.
    ///
    /// # Errors
    /// Names what is missing.
    pub(crate) fn launch(self, tools: &Tools) -> anyhow::Result<Launch> {
        match self {
            Self::SsoSync => beside_us("sso-sync"),
            Self::Bare => beside_us("bare"),
            Self::SqsConsumer => node(tools, "idiomatic.js"),
            Self::SqsConsumerBatched => node(tools, "batched.js"),
            Self::Powertools => python(tools, "idiomatic.py"),
            Self::PowertoolsBatched => python(tools, "batched.py"),
        }
    }

    /// The environment variables of the contestant in one run. `batches`: see [`Load`](crate::run::Load).
    ///
    /// # Errors
    /// When there is no free port for its health port.
    pub(crate) fn environment(
        self,
        around: &Services,
        batches: Option<usize>,
    ) -> anyhow::Result<Vec<(String, String)>> {
        let idp = &around.idp;
        let health = format!("127.0.0.1:{}", free_port()?);
        let (auth0_url, audience) = (idp.base_url(), idp.audience());
        let config = format!(
            "[sources.auth0]\nrole = \"sso\"\nconnector = \"auth0\"\nurl = {auth0_url:?}\nclient_id = {:?}\n\
             client_secret = {{ secret = \"auth0\" }}\naudience = {audience:?}\n",
            idp.client_id()
        );
        let aws = [
            ("AWS_ENDPOINT_URL", around.aws.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("DATABASE_URL", &around.database_url),
        ];
        let ours = [
            ("COPPICE_QUEUE_URL", around.queue_url.as_str()),
            ("COPPICE_DLQ_URL", &around.dlq_url),
            ("COPPICE_BUS_NAME", BUS),
            // No other settings: the benchmark measures the defaults.
            ("COPPICE_HEALTH_ADDRESS", &health),
            ("COPPICE_CONFIG", &config),
            ("COPPICE_SOURCE", "auth0"),
            ("COPPICE_SECRET_AUTH0", idp.client_secret()),
        ];
        let peers = [
            ("QUEUE_URL", around.queue_url.as_str()),
            ("BUS_NAME", BUS),
            ("AUTH0_URL", &auth0_url),
            ("AUTH0_CLIENT_ID", idp.client_id()),
            ("AUTH0_CLIENT_SECRET", idp.client_secret()),
            ("AUTH0_AUDIENCE", &audience),
            ("AWS_DEFAULT_REGION", REGION),
            ("NODE_ENV", "production"),
            // Otherwise Python would write compiled files into the checkout.
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ];
        let in_flight = batches.map(|batches| (batches * 10).to_string());
        let in_flight = in_flight
            .as_deref()
            .map(|most| [("COPPICE_MAX_IN_FLIGHT", most), ("COPPICE_MAX_REFETCHES", most)]);
        let own: &[(&str, &str)] = if self.is_ours() { &ours } else { &peers };
        let all = aws.iter().chain(own).chain(in_flight.iter().flatten());
        Ok(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Contestant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|contestant| contestant.name() == name);
        known.ok_or_else(|| format!("one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

pub(crate) fn peer(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(folder)
}

fn beside_us(name: &str) -> anyhow::Result<Launch> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.is_file(), "{} is not built: `cargo xtask bench` builds it", program.display());
    Ok(Launch { program, arguments: Vec::new() })
}

/// Node looks for packages beside the script. So the scripts are copied beside the packages.
fn node(tools: &Tools, script: &str) -> anyhow::Result<Launch> {
    let folder = tools.node_packages("benchmark-sqs-consumer", &peer("sqs-consumer"))?;
    for file in ["job.js", "idiomatic.js", "batched.js"] {
        fs::copy(peer("sqs-consumer").join(file), folder.join(file))
            .with_context(|| format!("cannot copy {file}"))?;
    }
    // Node itself comes as a package, in the version of the lock file.
    let programs =
        ["x64", "arm64"].map(|arch| folder.join(format!("node_modules/node-linux-{arch}/bin/node")));
    let Some(program) = programs.into_iter().find(|program| program.is_file()) else {
        bail!("there is no Node package for this machine: Linux on x86-64 or ARM64");
    };
    Ok(Launch { program, arguments: vec![folder.join(script).into()] })
}

fn python(tools: &Tools, script: &str) -> anyhow::Result<Launch> {
    let folder = peer("powertools");
    let program = tools.python_with("benchmark-powertools", &folder.join("requirements.txt"))?;
    Ok(Launch { program, arguments: vec![folder.join(script).into()] })
}
