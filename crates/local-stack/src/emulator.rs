//! The AWS emulator. In: the MiniStack program. Out: an endpoint on the loopback interface. Must not know: what is deployed to
//! it. Two files work around its gaps: `topology.rs` for parts of the template that it refuses, `emulator_gaps.py` for wrong
//! behaviour while it runs.

use std::fs::{self, File};
use std::time::Duration;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_eventbridge::config::{Credentials, SharedCredentialsProvider};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::children::{ChildGuard, command_that_dies_with_us, private_folder};
use crate::polling::wait_until;
use crate::ports::free_port;
use crate::tools::{Tools, tail};

/// Region of the local stack.
pub const REGION: &str = "us-east-1";
/// Access key for the emulator, which accepts any.
pub const ACCESS_KEY_ID: &str = "test";
/// Secret key for the emulator, which accepts any.
pub const SECRET_ACCESS_KEY: &str = "test";

// The emulator answers in half a second. A busy machine may need longer.
const START_LIMIT: Duration = Duration::from_secs(60);

const FILLS_GAPS: &str = include_str!("emulator_gaps.py");

/// Settings for every AWS client that talks to the emulator. Reads nothing from the environment.
pub fn aws_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "local-stack");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .build()
}

/// A running emulator, with its own state. Dropping it ends it and loses the state.
#[derive(Debug)]
pub struct Emulator {
    endpoint: String,
    // Fields are dropped in this order: the process ends before its folder is removed.
    _child: ChildGuard,
    _home: TempDir,
}

impl Emulator {
    /// Starts an emulator on a free port, and waits until it answers.
    ///
    /// # Errors
    /// When it cannot be installed or does not start. The error has its last log lines.
    pub async fn start(tools: &Tools) -> anyhow::Result<Self> {
        let program = tools.off_thread(Tools::ministack).await?;
        let home = private_folder("emulator")?;
        let log = home.path().join("emulator.log");
        let port = free_port()?;
        let output = File::create(&log)?;
        let wrapper = home.path().join("emulator_gaps.py");
        fs::write(&wrapper, FILLS_GAPS)?;
        let python = program.with_file_name("python");
        let mut command = command_that_dies_with_us(&python, Signal::SIGKILL);
        command
            .arg(wrapper)
            // The default is every interface.
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "localhost")
            .env("GATEWAY_PORT", port.to_string())
            .env("EDGE_PORT", port.to_string())
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .current_dir(home.path())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut child = ChildGuard::spawn(command, Signal::SIGKILL)?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let events = aws_sdk_eventbridge::Client::new(&aws_config(&endpoint));
        let started = wait_until(START_LIMIT, "the AWS emulator to answer", async || {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(Err(anyhow::anyhow!("the AWS emulator ended at once: {status}"))));
            }
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
            events.describe_event_bus().send().await?;
            Ok(Some(Ok(())))
        });
        started.await.and_then(|ended| ended).with_context(|| tail(&log))?;
        Ok(Self { endpoint, _child: child, _home: home })
    }

    /// Where AWS clients send their requests.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}
