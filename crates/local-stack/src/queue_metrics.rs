//! The `AWS/SQS` metrics that SQS sends to CloudWatch and the emulator does not, made from the queues' own counters. So the
//! template's alarms on depth go on and off as on AWS, but within a second. The age of the oldest message is left out: the
//! emulator's queues do not report it. Must not know: which queues or alarms there are.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_sqs::types::QueueAttributeName;
use tokio::task::JoinHandle;

use crate::emulator::aws_config;

// CloudWatch's own interval is a minute.
const INTERVAL: Duration = Duration::from_millis(500);

const COPIED: [(&str, QueueAttributeName); 2] = [
    ("ApproximateNumberOfMessagesVisible", QueueAttributeName::ApproximateNumberOfMessages),
    ("ApproximateNumberOfMessagesNotVisible", QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
];

/// Copies the metrics of all queues of an emulator until it is dropped.
#[derive(Debug)]
pub struct QueueMetrics {
    copying: JoinHandle<()>,
}

impl QueueMetrics {
    /// Starts to copy.
    pub fn start(endpoint: &str) -> Self {
        let config = aws_config(endpoint);
        let (queues, metrics) = (aws_sdk_sqs::Client::new(&config), aws_sdk_cloudwatch::Client::new(&config));
        let copying = tokio::spawn(async move {
            loop {
                // The emulator may be busy. The next interval tries again.
                if let Err(error) = copy(&queues, &metrics).await {
                    tracing::debug!("queue metrics cannot be copied: {error:#}");
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
        Self { copying }
    }
}

impl Drop for QueueMetrics {
    fn drop(&mut self) {
        self.copying.abort();
    }
}

async fn copy(queues: &aws_sdk_sqs::Client, metrics: &aws_sdk_cloudwatch::Client) -> anyhow::Result<()> {
    let mut data = Vec::new();
    for url in queues.list_queues().send().await?.queue_urls() {
        let names = COPIED.map(|(_, attribute)| attribute).to_vec();
        let call = queues.get_queue_attributes().queue_url(url).set_attribute_names(Some(names));
        let Ok(reply) = call.send().await else { continue };
        let counts = reply.attributes.unwrap_or_default();
        let name = url.rsplit('/').next().unwrap_or_default();
        for (metric, attribute) in COPIED {
            let Some(count) = counts.get(&attribute).and_then(|count| count.parse().ok()) else { continue };
            let queue = Dimension::builder().name("QueueName").value(name).build();
            let datum = MetricDatum::builder().metric_name(metric).dimensions(queue);
            data.push(datum.value(count).unit(StandardUnit::Count).build());
        }
    }
    metrics.put_metric_data().namespace("AWS/SQS").set_metric_data(Some(data)).send().await?;
    Ok(())
}
