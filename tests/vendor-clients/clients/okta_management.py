"""okta, the vendor's own: a user, the list, the System Log, refusals, and the entries that a log stream carries.

Its models are pydantic and are validated on every reply. They drop what they do not know, so what they read is compared
with the body from which they read it.
"""

import asyncio
import json
import os
import sys

from okta.client import Client
from okta.models.log_event import LogEvent


# The one way that Okta's client has to leave https.
os.environ["OKTA_TESTING_TESTINGDISABLEHTTPSCHECK"] = "true"


def told(model):
    """All that was read. `null` and nothing are one to these models."""
    return flat(model.model_dump(by_alias=True, exclude_none=True))


def flat(value):
    """What an open model keeps beside its own fields, among them as it was."""
    if isinstance(value, list):
        return [flat(item) for item in value]
    if not isinstance(value, dict):
        return value
    beside = value.pop("additional_properties", {})
    return {name: flat(field) for name, field in {**value, **beside}.items()}


def timestamp(time):
    """A time as Okta writes it: what was read as a time is to be the same time."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def refusal(call):
    _, _, error = await call
    assert error is not None, "was not refused"
    return {"status": error.status, "code": error.error_code}


def client(order, token):
    # It writes no space between the scheme and the token: the token brings it.
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
            "user": told(user),
            "listed": [other.id for other in listed],
            "log": [told(entry) for entry in entries],
            "events": [told(LogEvent.from_dict(event)) for event in order["events"]],
            "missing_user": await refusal(org.get_user("nobody")),
            "wrong_token": await refusal(stranger.get_user(order["user"])),
        }


print(json.dumps(asyncio.run(main(json.loads(sys.argv[1]))), default=timestamp))
