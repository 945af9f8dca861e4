//! Observability of a process: JSON logs on standard error, Prometheus metrics, and one port that answers `/livez`, `/readyz`
//! and `/metrics`. This crate must not know what a worker does. Names of metrics stand with the code that counts them.

mod health;
mod listen;
mod upkeep;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

pub use health::{Check, Health, serve_health};
pub use listen::listen;

/// Upper bounds of every histogram of seconds: from a fast handler (1 ms) to a message a day late.
const SECONDS_BUCKETS: [f64; 14] =
    [0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0, 3600.0, 86400.0];

/// Starts JSON logs. `filter` has the form of `RUST_LOG`: <https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html>.
///
/// # Errors
/// When the filter cannot be read, or logs were started before.
pub fn start_logs(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).map_err(|_| {
        anyhow::anyhow!(
            "cannot be used: write error, warn, info, debug or trace, or pairs such as info,sqlx=warn"
        )
    })?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logs were started twice: {error}"))
}

/// Starts metrics, each labelled with the unit's name. They need bounded memory, also if nothing scrapes them.
///
/// # Errors
/// When metrics were started before.
///
/// # Panics
/// Outside a tokio runtime.
pub fn start_metrics(unit: &str) -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .add_global_label("unit", unit)
        .set_buckets_for_metric(Matcher::Suffix(String::from("_seconds")), &SECONDS_BUCKETS)?
        .install_recorder()?;
    upkeep::start(handle.clone());
    Ok(handle)
}
