//! Alarms of the template on the emulator: they go on, each for its own queue, and notify the topic.

use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;
use local_stack::{Emulator, QueueMetrics, Topology, aws_config, wait_until};

use crate::{example, tools};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_alarm_goes_on_for_its_own_queue_and_notifies() {
    let emulator = Emulator::start(&tools()).await.unwrap();
    let topology = Topology::deploy(emulator.endpoint(), "orchard", &example(), &[]).await.unwrap();
    let _metrics = QueueMetrics::start(emulator.endpoint());
    let config = aws_config(emulator.endpoint());
    let (queues, alarms) = (aws_sdk_sqs::Client::new(&config), aws_sdk_cloudwatch::Client::new(&config));
    let in_state = async |wanted: StateValue| {
        let reply = alarms.describe_alarms().alarm_name_prefix("orchard-").max_records(100).send().await?;
        let depths = reply.metric_alarms.unwrap_or_default().into_iter().filter(|alarm| {
            let depth = alarm.alarm_name().is_some_and(|name| name.ends_with("-depth"));
            depth && alarm.state_value() == Some(&wanted)
        });
        anyhow::Ok(depths.filter_map(|alarm| alarm.alarm_name).collect::<Vec<_>>())
    };
    wait_until(LIMIT, "the alarms that have data", async || {
        Ok((in_state(StateValue::Ok).await?.len() == topology.branches().count() + 1).then_some(()))
    })
    .await
    .unwrap();

    let dead = topology.dlq_url("crm-sync-salesforce").unwrap();
    queues.send_message().queue_url(dead).message_body("{}").send().await.unwrap();
    let on = wait_until(LIMIT, "an alarm that goes on", async || {
        Ok(Some(in_state(StateValue::Alarm).await?).filter(|on| !on.is_empty()))
    });
    assert_eq!(on.await.unwrap(), ["orchard-crm-sync-salesforce-dlq-depth"]);

    let notices = topology.output("DrillNoticesQueueUrl").unwrap();
    wait_until(LIMIT, "the topic to notify", async || {
        let call =
            queues.receive_message().queue_url(notices).max_number_of_messages(10).wait_time_seconds(0);
        let received = call.send().await?.messages.unwrap_or_default();
        let bodies = received.into_iter().filter_map(|notice| notice.body);
        let events = bodies.filter_map(|body| serde_json::from_str::<serde_json::Value>(&body).ok());
        let mut alarms = events.filter(|event| event["NewStateValue"] == "ALARM");
        Ok(alarms.any(|event| event["AlarmName"] == "orchard-crm-sync-salesforce-dlq-depth").then_some(()))
    })
    .await
    .unwrap();
}
