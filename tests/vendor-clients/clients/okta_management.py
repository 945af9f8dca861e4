"""Reads the simulator with okta, the vendor's own client.

It gets a user, the list of users, the System Log, refusals, and the entries of a log stream. The client validates every
reply with its pydantic models. They drop unknown fields, so the test compares the output with the body of the reply.
"""

import asyncio
import json
import os
import sys

from okta.client import Client
from okta.models.log_event import LogEvent


# Okta's client accepts plain HTTP only with this variable.
os.environ["OKTA_TESTING_TESTINGDISABLEHTTPSCHECK"] = "true"


def fields_of(model):
    """All fields of a model. These models do not separate `null` from a missing field."""
    return flat(model.model_dump(by_alias=True, exclude_none=True))


def flat(value):
    """A value with the unknown fields of each model moved among its known fields."""
    if isinstance(value, list):
        return [flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    beside = value.pop("additional_properties", {})
    return {name: flat(field) for name, field in {**value, **beside}.items()}


def timestamp(time):
    """A time as Okta writes it, so that it can be compared."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def refusal(call):
    _, _, error = await call
    assert error is not None, "was not refused"
    return {"status": error.status, "code": error.error_code}


def client(order, token):
    # The client writes no space between the scheme and the token, so the token begins with one.
    return Client({"orgUrl": order["url"], "token": f" {token}"})


async def main(order):
    async with client(order, order["api_token"]) as org, client(order, "no-token-of-ours") as stranger:
        user, _, error = await org.get_user(order["user"])
        assert error is None, error
        listed, _, error = await org.list_users(limit=1)
        assert error is None, error
        entries, _, error = await org.list_log_events(filter=f'uuid eq "{order["log_entry"]}"')
        assert error is None, error
        return {
            "user": fields_of(user),
            "listed": [other.id for other in listed],
            "log": [fields_of(entry) for entry in entries],
            "events": [fields_of(LogEvent.from_dict(event)) for event in order["events"]],
            "missing_user": await refusal(org.get_user("missing")),
            "wrong_token": await refusal(stranger.get_user(order["user"])),
        }


print(json.dumps(asyncio.run(main(json.loads(sys.argv[1]))), default=timestamp))
