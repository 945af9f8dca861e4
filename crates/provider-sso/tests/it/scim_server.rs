//! The real SCIM server, as a process: `scim2-server` 0.8.3, a Python package.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use provider_sso::{ScimClient, SsoProvider};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::fixtures::{SECRET, scim_at};

/// How long the server may take to answer: it is Python, and the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Where the server is installed: under `$COPPICE_TOOLS_DIR`, else under `.tools` of the workspace.
fn scim2_server_binary() -> PathBuf {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.tools");
    let tools = std::env::var_os("COPPICE_TOOLS_DIR").map_or_else(|| PathBuf::from(workspace), PathBuf::from);
    tools.join("scim2-server/bin/scim2-server")
}

/// A running server with no users. Killed when dropped.
pub(crate) struct ScimServer {
    base_url: String,
    http: reqwest::Client,
    _process: Child,
}

impl ScimServer {
    /// Starts one on a free port, and waits until it answers.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let process = Command::new(scim2_server_binary())
            .args(["--port", &port.to_string(), "--bearer-token", SECRET])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("scim2-server is installed: set COPPICE_TOOLS_DIR");
        let base_url = format!("http://127.0.0.1:{port}/v2");
        let server = Self { base_url, http: reqwest::Client::new(), _process: process };
        let client = server.client();
        let answers = async {
            let mut turn = tokio::time::interval(Duration::from_millis(50));
            while client.ping().await.is_err() {
                turn.tick().await;
            }
        };
        tokio::time::timeout(START_LIMIT, answers).await.expect("scim2-server answers in time");
        server
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(crate) fn client(&self) -> ScimClient {
        scim_at(&self.base_url)
    }

    /// Creates a user, and returns it as the server stored it.
    pub(crate) async fn create(&self, user: &Value) -> Value {
        let request = self.http.post(format!("{}/Users", self.base_url)).bearer_auth(SECRET).json(user);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 201);
        reply.json().await.unwrap()
    }

    /// Replaces one attribute of a user.
    pub(crate) async fn replace(&self, id: &str, attribute: &str, value: Value) {
        let patch = serde_json::json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": attribute, "value": value}],
        });
        let request =
            self.http.patch(format!("{}/Users/{id}", self.base_url)).bearer_auth(SECRET).json(&patch);
        assert!(request.send().await.unwrap().status().is_success());
    }

    pub(crate) async fn delete(&self, id: &str) {
        let request = self.http.delete(format!("{}/Users/{id}", self.base_url)).bearer_auth(SECRET);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}
