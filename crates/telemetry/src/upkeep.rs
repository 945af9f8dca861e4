//! Keeps the memory of histograms bounded.
//!
//! A histogram keeps each measurement until it is put into its buckets. A scrape does that, but not every cluster scrapes: then
//! the measurements would grow beyond the pod's memory.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

/// Seconds of measurements that are kept. At 1,000 messages a second, that is 80 kB for each histogram.
const INTERVAL: Duration = Duration::from_secs(5);

/// Puts measurements into their buckets for as long as the runtime runs.
pub(crate) fn start(metrics: PrometheusHandle) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(INTERVAL).await;
            metrics.run_upkeep();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of this process in the machine's memory.
    fn memory_bytes() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    #[tokio::test(start_paused = true)]
    async fn memory_does_not_grow_while_nothing_scrapes() {
        crate::start_metrics("soak").unwrap();
        let record = |messages: u32| {
            for message in 0..messages {
                metrics::histogram!("coppice_message_age_seconds").record(f64::from(message));
            }
        };
        // The first step fills the buffers.
        record(100_000);
        tokio::time::sleep(INTERVAL).await;
        let before = memory_bytes();
        for _ in 0..30 {
            record(100_000);
            tokio::time::sleep(INTERVAL).await;
        }
        let grown = memory_bytes().saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes more after 3 million measurements");
    }
}
