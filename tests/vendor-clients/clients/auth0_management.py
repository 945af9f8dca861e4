"""Reads the simulator with auth0-python, the vendor's own client.

It gets a token, a user, the list of users, a log entry, refusals, and the events of Event Streams. The client validates
every reply with its pydantic models. Unknown fields are in `model_extra`, and this script prints them.
"""

import json
import sys

from auth0.authentication import GetToken
from auth0.management import (
    EventStreamCloudEventUserCreatedCloudEvent,
    EventStreamCloudEventUserDeletedCloudEvent,
    EventStreamCloudEventUserUpdatedCloudEvent,
)
from auth0.management.client import Auth0
from auth0.management.core.api_error import ApiError
from pydantic import BaseModel

EVENTS = {
    "user.created": EventStreamCloudEventUserCreatedCloudEvent,
    "user.updated": EventStreamCloudEventUserUpdatedCloudEvent,
    "user.deleted": EventStreamCloudEventUserDeletedCloudEvent,
}


def unknown(value, path):
    """Paths of the fields that a model does not know."""
    if isinstance(value, list):
        return [found for item in value for found in unknown(item, path)]
    if not isinstance(value, BaseModel):
        return []
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    inside = [found for name, field in fields.items() for found in unknown(field, f"{path}.{name}")]
    return [f"{path}.{name}" for name in value.model_extra or {}] + inside


def timestamp(time):
    """A time as Auth0 writes it, so that it can be compared."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refusal(call):
    try:
        call()
    except ApiError as error:
        return {"kind": type(error).__name__, "status": error.status_code, "code": error.body["errorCode"]}
    raise AssertionError("was not refused")


def main(order):
    host = order["url"].removeprefix("http://")
    tokens = GetToken(host, order["client_id"], client_secret=order["client_secret"], protocol="http")
    token = tokens.client_credentials(order["audience"])
    assert token["token_type"] == "Bearer" and token["expires_in"] > 0
    tenant = Auth0(base_url=f"{order['url']}/api/v2", token=token["access_token"])
    stranger = Auth0(base_url=f"{order['url']}/api/v2", token="no-token-of-ours")

    user = tenant.users.get(order["user"])
    page = tenant.users.list(per_page=1)
    entry = tenant.logs.get(order["log_entry"])
    events = {event["type"]: EVENTS[event["type"]].model_validate(event) for event in order["events"]}

    def fields_of(model):
        return model.model_dump(by_alias=True, exclude_unset=True)

    return {
        "user": fields_of(user),
        "listed": [listed.user_id for listed in page.items],
        "total": page.response.total,
        "log_entry": fields_of(entry),
        "events": {kind: fields_of(event.data.object) for kind, event in events.items()},
        "unknown": sorted({
            *unknown(user, "user"),
            *unknown(page.response, "list"),
            *unknown(entry, "log_entry"),
            *(found for kind, event in events.items() for found in unknown(event, kind)),
        }),
        "missing_user": refusal(lambda: tenant.users.get("auth0|missing")),
        "missing_entry": refusal(lambda: tenant.logs.get("900nothing")),
        "wrong_token": refusal(lambda: stranger.users.get(order["user"])),
    }


print(json.dumps(main(json.loads(sys.argv[1])), default=timestamp))
