//! A worker's process, its health port and its log.

use local_stack::{WorkerProcess, wait_until};

use crate::PATIENCE;

/// A running worker and its health port.
pub struct Worker {
    /// The process.
    pub process: WorkerProcess,
    pub(crate) health_port: u16,
}

impl Worker {
    /// Waits until `/readyz` answers 200.
    pub async fn wait_until_ready(&self) {
        wait_until(PATIENCE, "the worker to be ready", async || {
            Ok(self.get("readyz").await.is_some_and(|(status, _)| status == 200).then_some(()))
        })
        .await
        .unwrap_or_else(|_| panic!("the worker is not ready:\n{}", self.log()));
    }

    /// Base URL of the health port.
    pub fn health_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.health_port)
    }

    /// Status and body of a path of the health port. `None` when it does not answer.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let reply = reqwest::get(format!("{}/{path}", self.health_url())).await.ok()?;
        Some((reply.status().as_u16(), reply.text().await.ok()?))
    }

    /// The sum of a metric's samples whose labels contain `label`.
    pub async fn metric(&self, name: &str, label: &str) -> f64 {
        let (_, text) = self.get("metrics").await.unwrap_or_default();
        let samples = text.lines().filter(|line| {
            let series = line.split([' ', '{']).next();
            series == Some(name) && line.contains(label)
        });
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until no message is in flight in this worker. Then every request that it made has an answer.
    pub async fn has_nothing_in_flight(&self) {
        wait_until(PATIENCE, "the worker to have no message in flight", async || {
            Ok((self.metric("coppice_messages_in_flight", "").await == 0.0).then_some(()))
        })
        .await
        .expect("the worker releases or settles its messages");
    }

    /// The worker's log so far.
    pub fn log(&self) -> String {
        self.process.output().unwrap_or_default()
    }

    /// Sends SIGTERM, and returns the exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        self.process.terminate().expect("it can be signalled");
        self.exit_code().await
    }

    /// Waits for the end of the process, and returns its exit code.
    pub async fn exit_code(&mut self) -> Option<i32> {
        self.process.wait(PATIENCE).await.expect("it ends").code()
    }
}
