//! The port that Kubernetes and Prometheus call.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;

/// One dependency, and whether it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name: `database`, `queue`.
    pub name: &'static str,
    /// What is wrong with it. `None`: nothing.
    pub fault: Option<String>,
}

impl Check {
    /// A check from a result. The error's text must be free of personal data and secrets.
    pub fn of<T, E: std::fmt::Display>(name: &'static str, tried: Result<T, E>) -> Self {
        Self { name, fault: tried.err().map(|error| error.to_string()) }
    }
}

/// The health of a process.
pub trait Health: Send + Sync + 'static {
    /// Liveness. A fault restarts the pod, so it must not depend on other systems: a restart does not fix those.
    fn live(&self) -> Check;

    /// Readiness: a check for each dependency.
    fn ready(&self) -> impl Future<Output = Vec<Check>> + Send;
}

struct Shared<H> {
    health: H,
    metrics: PrometheusHandle,
}

/// Answers on `listener` until the returned future is dropped.
///
/// # Errors
/// When the listener breaks.
pub async fn serve_health<H: Health>(
    listener: TcpListener,
    health: H,
    metrics: PrometheusHandle,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(livez::<H>))
        .route("/readyz", get(readyz::<H>))
        .route("/metrics", get(render_metrics::<H>))
        .with_state(Arc::new(Shared { health, metrics }));
    axum::serve(listener, router).await
}

async fn livez<H: Health>(State(shared): State<Arc<Shared<H>>>) -> Response {
    answer(vec![shared.health.live()])
}

async fn readyz<H: Health>(State(shared): State<Arc<Shared<H>>>) -> Response {
    answer(shared.health.ready().await)
}

async fn render_metrics<H: Health>(State(shared): State<Arc<Shared<H>>>) -> Response {
    ([("content-type", "text/plain; version=0.0.4")], shared.metrics.render()).into_response()
}

fn answer(checks: Vec<Check>) -> Response {
    let healthy = checks.iter().all(|check| check.fault.is_none());
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(checks)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sick;

    impl Health for Sick {
        fn live(&self) -> Check {
            Check { name: "loop", fault: None }
        }

        async fn ready(&self) -> Vec<Check> {
            vec![
                Check::of("queue", Ok::<_, &str>(())),
                Check::of("database", Err::<(), _>("connection lost")),
            ]
        }
    }

    #[tokio::test]
    async fn readiness_names_each_dependency_and_its_fault() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        tokio::spawn(serve_health(listener, Sick, metrics));
        let ask = async |path: &str| {
            let reply = reqwest::get(format!("http://127.0.0.1:{port}/{path}")).await.unwrap();
            (reply.status().as_u16(), reply.text().await.unwrap())
        };
        assert_eq!(ask("livez").await, (200, String::from(r#"[{"name":"loop","fault":null}]"#)));
        let expected = r#"[{"name":"queue","fault":null},{"name":"database","fault":"connection lost"}]"#;
        assert_eq!(ask("readyz").await, (503, String::from(expected)));
        assert_eq!(ask("metrics").await.0, 200);
    }
}
