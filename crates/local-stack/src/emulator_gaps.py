"""Runs MiniStack 1.5.33 with gaps filled that no template and no client can work around.

* PutPartnerEvents answers, and drops the events. Here they go to the bus of the same name as their source, as on AWS.
* An input path with an array index ($.detail.target[0].id) reads as an empty string. Here it reads the entry.
* An alarm looks at every series of its metric, whatever the dimensions, so that one queue's depth sets off the alarms of
  all. Here it looks at its own series, and treats missing data as it was told to.
"""

import json
import re
import time

from ministack.app import main
from ministack.services import cloudwatch, eventbridge

apply_input_transformer = eventbridge._apply_input_transformer
evaluate_alarm = cloudwatch._evaluate_alarm


def put_partner_events(data):
    entries = [{**entry, "EventBusName": entry.get("Source", "")} for entry in data.get("Entries", [])]
    return eventbridge._put_events({"Entries": entries}, allow_aws_source=True)


def apply_input_transformer_with_indexes(transformer, rule, view):
    paths, template = {}, transformer.get("InputTemplate", "")
    for name, path in transformer.get("InputPathsMap", {}).items():
        if "[" not in path:
            paths[name] = path
            continue
        value = view.event_with_detail()
        for field, index in re.findall(r"([\w-]+)|\[(\d+)\]", path):
            value = value[field] if field else value[int(index)]
        template = template.replace(f"<{name}>", json.dumps(value))
    return apply_input_transformer({"InputPathsMap": paths, "InputTemplate": template}, rule, view)


def evaluate_alarm_by_dimensions(alarm):
    wanted = {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions") or []}
    since = time.time() - alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
    metric = (alarm.get("Namespace"), alarm.get("MetricName"))
    own = {
        key: points
        for key, points in cloudwatch._metrics.items()
        if key[:2] == metric and points[-1]["Dimensions"] == wanted and points[-1]["Timestamp"] >= since
    }
    if own:
        everything, cloudwatch._metrics = cloudwatch._metrics, own
        try:
            evaluate_alarm(alarm)
        finally:
            cloudwatch._metrics = everything
        return
    state = {"notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}.get(alarm["TreatMissingData"])
    if state and state != alarm["StateValue"]:
        old, reason = alarm["StateValue"], "no datapoints were received"
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)


# It goes through all points at each call; no alarm here looks back further than an hour.
cloudwatch.TWO_WEEKS_SECONDS = 3600
cloudwatch._evaluate_alarm = evaluate_alarm_by_dimensions
eventbridge._put_partner_events = put_partner_events
eventbridge._apply_input_transformer = apply_input_transformer_with_indexes
main()
