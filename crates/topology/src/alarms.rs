//! The alarms. Each says what it means and where its runbook is. An alarm on a queue's metric treats missing data as good: SQS
//! stops reporting on a queue that was not used for six hours.

use std::collections::BTreeSet;

use fleet::Kind;

use crate::branch::Branch;
use crate::model::{Alarm, Forward, Measure, Missing, Model, Threshold, UNDELIVERED};

const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";
const OLDEST: &str = "ApproximateAgeOfOldestMessage";

pub(crate) fn of(model: &Model) -> Vec<Alarm> {
    let branches = model.branches.iter().flat_map(of_branch);
    branches
        .chain(of_undelivered())
        .chain(of_rules(model))
        .chain(of_heartbeats())
        .chain(of_partners(model))
        .collect()
}

fn of_branch(branch: &Branch) -> [Alarm; 4] {
    let (name, dlq) = (branch.name(), branch.dlq());
    let depth = on_queue(
        &dlq,
        "depth",
        format!("{name} dead-lettered at least one message: it could not handle it."),
        "dlq-not-empty.md",
        VISIBLE,
        Threshold::AtLeast(1),
    );
    let patience = match branch.unit.kind {
        // A scheduled job drains the queue.
        Kind::Job => "ResyncMaxAgeSeconds",
        _ => "MaxAgeSeconds",
    };
    let age = Alarm {
        periods: 5,
        ..on_queue(
            &name,
            "age",
            format!("The oldest message in the queue of {name} has waited too long."),
            "queue-too-old.md",
            OLDEST,
            Threshold::AtLeastParameter(patience),
        )
    };
    let expires = expiring(&dlq, format!("SQS will soon delete the oldest dead-lettered message of {name}."));
    let any = Alarm {
        name: name.clone(),
        about: format!("One of the alarms of {name} is firing: each of them says why."),
        runbook: "README.md",
        measure: Measure::AnyOf { alarms: vec![depth.name.clone(), age.name.clone(), expires.name.clone()] },
        ..depth.clone()
    };
    [depth, age, expires, any]
}

fn on_queue(
    queue: &str,
    end: &str,
    about: String,
    runbook: &'static str,
    metric: &'static str,
    threshold: Threshold,
) -> Alarm {
    Alarm {
        name: format!("{queue}-{end}"),
        about,
        runbook,
        measure: Measure::Queue { queue: queue.to_owned(), metric },
        threshold,
        period_secs: 60,
        periods: 1,
        missing: Missing::Good,
    }
}

fn expiring(queue: &str, about: String) -> Alarm {
    let threshold = Threshold::AtLeastParameter("DeadLetterMaxAgeSeconds");
    Alarm { period_secs: 300, ..on_queue(queue, "age", about, "dead-letters-expire.md", OLDEST, threshold) }
}

fn of_undelivered() -> [Alarm; 2] {
    let about = "EventBridge could not deliver at least one event, or no unit takes a webhook's event.";
    let once = Threshold::AtLeast(1);
    [
        expiring(UNDELIVERED, String::from("SQS will soon delete the oldest undelivered event.")),
        on_queue(UNDELIVERED, "depth", about.to_owned(), "undelivered-events.md", VISIBLE, once),
    ]
}

/// One query over all rules of the bus, which covers new rules too, and over the rules that forward to it. AWS sends both metrics
/// only when they are not zero, and for a custom bus only with both dimensions.
fn of_rules(model: &Model) -> [Alarm; 2] {
    let forwarding: BTreeSet<String> = model.forwards.iter().map(|forward| forward.rule.clone()).collect();
    let alarm = |name: &str, about: &str, metric| Alarm {
        name: name.to_owned(),
        about: about.to_owned(),
        runbook: "undelivered-events.md",
        measure: Measure::Rules { metric, forwarding: forwarding.iter().cloned().collect() },
        threshold: Threshold::AtLeast(1),
        period_secs: 60,
        periods: 1,
        missing: Missing::Good,
    };
    [
        alarm(
            "failed-invocations",
            "A rule of the bus failed to reach its target, and EventBridge stopped retrying.",
            "FailedInvocations",
        ),
        alarm(
            "lost-invocations",
            "EventBridge lost an event: it could neither deliver it nor put it into the undelivered queue.",
            "InvocationsFailedToBeSentToDlq",
        ),
    ]
}

/// `fire-drill heartbeat` puts these metrics every few minutes, from the database and its own checks. If the job does not run,
/// there is no data. So the alarms on heartbeats, drills and partner sources treat missing data as bad; the others rely on them.
fn of_heartbeats() -> Vec<Alarm> {
    use Missing::{Bad, Good};
    use Threshold::{AtLeast, AtLeastParameter};
    let alarm = |name: &str, about: &str, runbook, metric, threshold, periods, missing| Alarm {
        name: name.to_owned(),
        about: about.to_owned(),
        runbook,
        measure: Measure::Own { metric },
        threshold,
        period_secs: 300,
        periods,
        missing,
    };
    vec![
        alarm(
            "heartbeat-late",
            "A unit has received no heartbeat for too long, or the heartbeat job does not run.",
            "heartbeat-late.md",
            "coppice_heartbeats_late",
            AtLeast(1),
            3,
            Bad,
        ),
        alarm(
            "drill-overdue",
            "A unit's fire drill has not passed for too long, or the heartbeat job does not run.",
            "drill-overdue.md",
            "coppice_fire_drill_age_seconds",
            AtLeastParameter("DrillMaxAgeSeconds"),
            3,
            Bad,
        ),
        alarm(
            "breaker-open",
            "A provider's breaker has been open for too long: the units that need it receive nothing.",
            "breaker-open.md",
            "coppice_breaker_open_seconds",
            AtLeastParameter("BreakerMaxOpenSeconds"),
            1,
            Good,
        ),
        alarm(
            "outbox-age",
            "Committed changes are not announced on the bus, so other units do not learn of them.",
            "outbox-too-old.md",
            "coppice_outbox_oldest_seconds",
            AtLeastParameter("OutboxMaxAgeSeconds"),
            1,
            Good,
        ),
        alarm(
            "ingress-outbox-age",
            "Events of webhooks wait in the database and do not reach the bus.",
            "outbox-too-old.md",
            "coppice_ingress_outbox_oldest_seconds",
            AtLeastParameter("OutboxMaxAgeSeconds"),
            1,
            Good,
        ),
        alarm(
            "partner-source-inactive",
            "A partner source is not active: it accepts the partner's events and delivers none. Or the heartbeat job cannot check it.",
            "partner-source-silent.md",
            "coppice_partner_sources_inactive",
            AtLeast(1),
            1,
            Bad,
        ),
    ]
}

/// An inactive source sends nothing, so missing data raises the alarm.
fn of_partners(model: &Model) -> impl Iterator<Item = Alarm> {
    let silent = |forward: &Forward| Alarm {
        name: format!("{}-silent", forward.name()),
        about: format!(
            "No event of {} arrived for a day. The partner source may be inactive.",
            forward.partner_source
        ),
        runbook: "partner-source-silent.md",
        measure: Measure::PartnerEvents { partner_source: forward.partner_source.clone() },
        threshold: Threshold::Below(1),
        period_secs: 3600,
        periods: 24,
        missing: Missing::Bad,
    };
    model.forwards.iter().map(silent)
}
