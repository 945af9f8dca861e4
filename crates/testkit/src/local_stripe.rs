//! A sender of Stripe's webhooks from another project: `localstripe`, <https://pypi.org/project/localstripe/>. It has payments
//! and no Identity, so it can only send webhooks, and cannot answer our client. It keeps its data in memory, and ends with the
//! test.

use std::process::Stdio;
use std::time::Duration;

use local_stack::{Tools, free_port, wait_until};
use tokio::process::{Child, Command};

// Python starts slowly, and the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);

// Makes it listen on the loopback interface only, and write no file.
const LAUNCHER: &str = include_str!("local_stripe.py");

const API_KEY: &str = "sk_test_for-tests-only";

/// A running sender without an endpoint.
pub struct LocalStripe {
    base_url: String,
    http: reqwest::Client,
    _process: Child,
}

impl LocalStripe {
    /// Starts a sender on a free port, and waits until it answers.
    pub async fn start() -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).expect("tools");
        let python = tools.localstripe_python().expect("localstripe");
        let port = free_port().expect("a free port");
        let process = Command::new(python)
            .args(["-c", LAUNCHER, &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("localstripe starts");
        let base_url = format!("http://127.0.0.1:{port}");
        let sender = Self { base_url, http: reqwest::Client::new(), _process: process };
        let url = format!("{}/v1/customers", sender.base_url);
        let answers = async || {
            let reply = sender.http.get(&url).bearer_auth(API_KEY).send().await?;
            Ok(reply.status().is_success().then_some(()))
        };
        wait_until(START_LIMIT, "localstripe to answer", answers).await.expect("localstripe answers");
        sender
    }

    /// Sends every event from now on to `url`, signed with `secret`, instead of the earlier URL.
    pub async fn set_endpoint(&self, url: &str, secret: &str) {
        self.post("_config/webhooks/endpoint", &[("url", url), ("secret", secret)]).await;
    }

    /// Creates a customer: `customer.created` is sent once, about a second later, whatever the answer.
    pub async fn create_customer(&self, email: &str) {
        self.post("v1/customers", &[("email", email)]).await;
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) {
        let url = format!("{}/{path}", self.base_url);
        let reply = self.http.post(url).bearer_auth(API_KEY).form(form).send().await;
        assert_eq!(reply.expect("localstripe answers").status(), 200, "{path}");
    }
}
