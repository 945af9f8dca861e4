//! Alarms and metrics.

use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, HistoryItemType, MetricAlarm, MetricDatum, Statistic,
};
use time::OffsetDateTime;

use super::Cloud;
use crate::alarm::{AlarmFacts, State};
use crate::failure::CloudError;

const NAMESPACE: &str = "Coppice";

// `PutMetricData` accepts a thousand. A request of this size passes every proxy.
const DATA_IN_A_CALL: usize = 100;

impl Cloud {
    pub(crate) async fn alarm(&self, name: &str) -> Result<Option<AlarmFacts>, CloudError> {
        let reply = self.alarms.describe_alarms().alarm_names(name).send().await;
        let reply = reply.map_err(|error| CloudError::of("DescribeAlarms", &error))?;
        Ok(reply.metric_alarms.unwrap_or_default().into_iter().next().map(facts))
    }

    /// All alarms of the stack.
    pub(crate) async fn all_alarms(&self) -> Result<Vec<AlarmFacts>, CloudError> {
        let mut alarms = Vec::new();
        let mut page = None;
        loop {
            let call = self.alarms.describe_alarms().alarm_name_prefix(format!("{}-", self.prefix));
            let reply = call.set_next_token(page).send().await;
            let reply = reply.map_err(|error| CloudError::of("DescribeAlarms", &error))?;
            alarms.extend(reply.metric_alarms.unwrap_or_default().into_iter().map(facts));
            page = reply.next_token;
            if page.is_none() {
                return Ok(alarms);
            }
        }
    }

    /// When an alarm last fired.
    pub(crate) async fn alarm_last_fired(&self, name: &str) -> Result<Option<OffsetDateTime>, CloudError> {
        // CloudWatch remembers a month.
        let call = self.alarms.describe_alarm_history().alarm_name(name).alarm_types(AlarmType::MetricAlarm);
        let reply = call.history_item_type(HistoryItemType::StateUpdate).max_records(100).send().await;
        let reply = reply.map_err(|error| CloudError::of("DescribeAlarmHistory", &error))?;
        let items = reply.alarm_history_items.unwrap_or_default().into_iter();
        // The summary is a text for readers. Where its wording differs, the data decides.
        let fired = items.filter(|item| {
            item.history_summary().is_some_and(|summary| summary.ends_with("to ALARM"))
                || item.history_data().is_some_and(says_alarm)
        });
        Ok(fired.filter_map(|item| instant(item.timestamp())).max())
    }

    /// Sends metrics of ours, all with the dimension `Bus`.
    pub(crate) async fn put_measures(
        &self,
        measures: &[(&'static str, Option<&str>, f64)],
    ) -> Result<(), CloudError> {
        let datum = |(name, unit, value): &(&'static str, Option<&str>, f64)| {
            let bus = Dimension::builder().name("Bus").value(&self.prefix).build();
            let unit = unit.map(|unit| Dimension::builder().name("Unit").value(unit).build());
            let datum = MetricDatum::builder().metric_name(*name).value(*value).dimensions(bus);
            unit.into_iter().fold(datum, |datum, unit| datum.dimensions(unit)).build()
        };
        for some in measures.chunks(DATA_IN_A_CALL) {
            let data = some.iter().map(datum).collect();
            let call = self.alarms.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data));
            call.send().await.map_err(|error| CloudError::of("PutMetricData", &error))?;
        }
        Ok(())
    }
}

fn says_alarm(data: &str) -> bool {
    let data: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
    data["newState"]["stateValue"] == "ALARM"
}

fn instant(time: Option<&aws_smithy_types::DateTime>) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(time?.as_nanos()).ok()
}

fn facts(alarm: MetricAlarm) -> AlarmFacts {
    use ComparisonOperator::{GreaterThanOrEqualToThreshold, GreaterThanThreshold};
    let threshold = alarm.threshold.unwrap_or(f64::INFINITY);
    let dimension = |dimension: Dimension| Some((dimension.name?, dimension.value?));
    AlarmFacts {
        fires_at_one: match alarm.comparison_operator {
            Some(GreaterThanOrEqualToThreshold) => threshold <= 1.0,
            Some(GreaterThanThreshold) => threshold < 1.0,
            _ => false,
        },
        maximum: alarm.statistic == Some(Statistic::Maximum),
        state: match alarm.state_value.as_ref().map(|state| state.as_str()) {
            Some("OK") => State::Ok,
            Some("ALARM") => State::Alarm,
            _ => State::InsufficientData,
        },
        since: instant(alarm.state_updated_timestamp.as_ref()),
        name: alarm.alarm_name.unwrap_or_default(),
        namespace: alarm.namespace.unwrap_or_default(),
        metric: alarm.metric_name.unwrap_or_default(),
        dimensions: alarm.dimensions.unwrap_or_default().into_iter().filter_map(dimension).collect(),
        window_secs: alarm.period.unwrap_or(0) * alarm.evaluation_periods.unwrap_or(1),
        actions_enabled: alarm.actions_enabled.unwrap_or(false),
        actions: alarm.alarm_actions.unwrap_or_default(),
    }
}
