//! Whether an alarm would fire for one dead-lettered message, and notify its topic. Pure.

use time::OffsetDateTime;

/// An alarm on a DLQ must not take longer than this to fire.
const LONGEST_WINDOW_SECS: i32 = 900;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AlarmFacts {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) metric: String,
    pub(crate) dimensions: Vec<(String, String)>,
    /// Its statistic is the maximum of each period: a minimum misses a message that was moved in between.
    pub(crate) maximum: bool,
    pub(crate) fires_at_one: bool,
    /// Length of time that it evaluates.
    pub(crate) window_secs: i32,
    pub(crate) actions_enabled: bool,
    /// What it notifies when it fires.
    pub(crate) actions: Vec<String>,
    pub(crate) state: State,
    pub(crate) since: Option<OffsetDateTime>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ok,
    Alarm,
    InsufficientData,
}

/// Why an alarm would not fire for a message in `queue`, or would not notify `topic`, each with what to do.
pub(crate) fn faults(alarm: &AlarmFacts, queue: &str, topic: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut demand = |holds: bool, fault: String| {
        if !holds {
            faults.push(format!("{fault}: deploy the template"));
        }
    };
    let metric = (alarm.namespace.as_str(), alarm.metric.as_str());
    demand(
        metric == ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        format!(
            "watches {} of {} and not the number of visible messages: messages that SQS itself moves are not counted",
            alarm.metric, alarm.namespace
        ),
    );
    let watched = [(String::from("QueueName"), queue.to_owned())];
    demand(alarm.dimensions == watched, format!("watches another queue than {queue}"));
    demand(alarm.maximum, String::from("its statistic is not the maximum"));
    demand(alarm.fires_at_one, String::from("one message does not fire it"));
    demand(
        (1..=LONGEST_WINDOW_SECS).contains(&alarm.window_secs),
        format!("evaluates {} s, and at most {LONGEST_WINDOW_SECS} s are allowed", alarm.window_secs),
    );
    faults.extend(silence(alarm, topic));
    faults
}

/// Why an alarm that fires would not notify `topic`.
pub(crate) fn silence(alarm: &AlarmFacts, topic: &str) -> Option<String> {
    if !alarm.actions_enabled {
        let name = &alarm.name;
        let fix = format!("aws cloudwatch enable-alarm-actions --alarm-names {name}");
        return Some(format!("its actions are disabled: {fix}"));
    }
    let notifies = alarm.actions.iter().any(|action| action.rsplit(':').next() == Some(topic));
    (!notifies).then(|| format!("it does not notify the topic {topic}: deploy the template"))
}

pub(crate) fn is_of_another_stack(alarm: &AlarmFacts, prefix: &str) -> bool {
    // A name may begin with ours, as `coppice-staging` begins with `coppice`. But every alarm of a stack notifies the topic
    // that is named after the stack.
    let topics = alarm.actions.iter().filter_map(|action| action.rsplit(':').next()?.strip_suffix("-alarms"));
    topics
        .filter(|stack| stack.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-')))
        .any(|stack| alarm.name.strip_prefix(stack).is_some_and(|rest| rest.starts_with('-')))
}

#[cfg(test)]
pub(crate) fn healthy(name: &str, queue: &str, topic: &str) -> AlarmFacts {
    AlarmFacts {
        name: name.to_owned(),
        namespace: String::from("AWS/SQS"),
        metric: String::from("ApproximateNumberOfMessagesVisible"),
        dimensions: vec![(String::from("QueueName"), queue.to_owned())],
        maximum: true,
        fires_at_one: true,
        window_secs: 60,
        actions_enabled: true,
        actions: vec![format!("arn:aws:sns:eu-central-1:1:{topic}")],
        state: State::Ok,
        since: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_and_a_healthy_alarm_has_none() {
        let healthy = || healthy("a", "q-dlq", "q-alarms");
        let found = |alarm: &AlarmFacts| faults(alarm, "q-dlq", "q-alarms");
        assert_eq!(found(&healthy()), [""; 0]);
        type Break = fn(&mut AlarmFacts);
        let breaks: [(Break, &str); 9] = [
            (|alarm| alarm.metric = String::from("NumberOfMessagesSent"), "NumberOfMessagesSent"),
            (|alarm| alarm.namespace = String::from("Other"), "Other"),
            (|alarm| alarm.dimensions[0].1 = String::from("q"), "another queue"),
            (|alarm| alarm.dimensions.clear(), "another queue"),
            (|alarm| alarm.maximum = false, "maximum"),
            (|alarm| alarm.fires_at_one = false, "one message"),
            (|alarm| alarm.window_secs = 3600, "3600 s"),
            (|alarm| alarm.actions_enabled = false, "enable-alarm-actions --alarm-names a"),
            (|alarm| alarm.actions = vec![String::from("arn:aws:sns:eu-central-1:1:x-q-alarms")], "topic"),
        ];
        for (break_it, expected) in breaks {
            let mut alarm = healthy();
            break_it(&mut alarm);
            let found = found(&alarm);
            assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
        }
    }

    #[test]
    fn an_alarm_of_a_stack_with_a_longer_name_is_not_ours() {
        let of = |name: &str, topic: &str| is_of_another_stack(&healthy(name, "q", topic), "coppice");
        assert!(of("coppice-staging-sso-sync-dlq-depth", "coppice-staging-alarms"));
        assert!(!of("coppice-sso-sync-dlq-depth", "coppice-alarms"));
        // Ours, with the wrong topic: the check must report it.
        assert!(!of("coppice-sso-sync-dlq-depth", "coppice-staging-alarms"));
        assert!(!of("coppice-sso-sync-dlq-depth", "another-topic"));
    }
}
