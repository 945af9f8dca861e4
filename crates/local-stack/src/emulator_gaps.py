"""Runs MiniStack 1.5.33 with two gaps filled that no template and no client can work around.

* PutPartnerEvents answers, and drops the events. Here they go to the bus of the same name as their source, as on AWS.
* An input path with an array index ($.detail.target[0].id) reads as an empty string. Here it reads the entry.
"""

import json
import re

from ministack.app import main
from ministack.services import eventbridge

apply_input_transformer = eventbridge._apply_input_transformer


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


eventbridge._put_partner_events = put_partner_events
eventbridge._apply_input_transformer = apply_input_transformer_with_indexes
main()
