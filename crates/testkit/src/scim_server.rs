//! A real SCIM 2.0 server from another project: `scim2-server`, <https://pypi.org/project/scim2-server/>. It keeps its data in
//! memory, and ends with the test.

use std::process::Stdio;
use std::time::Duration;

use local_stack::{Tools, free_port, wait_until};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

// Python starts slowly, and the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);

const TOKEN: &str = "scim-token-5b1f7c";

/// A running server with no users.
pub struct ScimServer {
    base_url: String,
    http: reqwest::Client,
    _process: Child,
}

impl ScimServer {
    /// Starts a server on a free port, and waits until it answers.
    pub async fn start() -> Self {
        let tools = Tools::locate_or_install(|line| eprintln!("{line}")).expect("tools");
        let binary = tools.scim2_server().expect("scim2-server");
        let port = free_port().expect("a free port");
        let process = Command::new(binary)
            .args(["--port", &port.to_string(), "--bearer-token", TOKEN])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("scim2-server starts");
        let server =
            Self { base_url: format!("http://127.0.0.1:{port}/v2"), http: unpooled(), _process: process };
        let url = format!("{}/ServiceProviderConfig", server.base_url);
        let answers = async || {
            let reply = server.http.get(&url).bearer_auth(TOKEN).send().await?;
            Ok(reply.status().is_success().then_some(()))
        };
        wait_until(START_LIMIT, "scim2-server to answer", answers).await.expect("scim2-server answers");
        server
    }

    /// Base URL of `/Users`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The bearer token that it accepts.
    pub const fn token(&self) -> &'static str {
        TOKEN
    }

    /// Creates a user, and returns it as the server has stored it.
    pub async fn create(&self, user: &Value) -> Value {
        let reply =
            self.http.post(format!("{}/Users", self.base_url)).bearer_auth(TOKEN).json(user).send().await;
        let reply = reply.expect("the server answers");
        assert_eq!(reply.status(), 201);
        reply.json().await.expect("the server answers with the user")
    }

    /// Replaces one attribute of a user.
    pub async fn replace(&self, id: &str, attribute: &str, value: Value) {
        let patch = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": attribute, "value": value}],
        });
        let url = format!("{}/Users/{id}", self.base_url);
        let reply =
            self.http.patch(url).bearer_auth(TOKEN).json(&patch).send().await.expect("the server answers");
        assert!(reply.status().is_success());
    }

    /// Deletes a user.
    pub async fn delete(&self, id: &str) {
        let url = format!("{}/Users/{id}", self.base_url);
        let reply = self.http.delete(url).bearer_auth(TOKEN).send().await.expect("the server answers");
        assert_eq!(reply.status(), 204);
    }
}

fn unpooled() -> reqwest::Client {
    // No idle connections: the server closes them without notice, and the client does not repeat a POST.
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client without special needs")
}
