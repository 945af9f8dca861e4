"""Reads the simulator with stripe, the vendor's own client.

It gets a verification session with its outputs, the list of sessions, refusals, and the events. The client does not
validate replies, but its classes are generated from Stripe's published description, with a type for each
field. So this script compares the output with them, and prints each field that is unknown, missing or of another type.
"""

import inspect
import json
import sys
from typing import Literal, Union, get_args, get_origin, get_type_hints

import stripe
from stripe.identity import VerificationReport, VerificationSession


def hints(kind):
    """The fields of one of Stripe's classes with their types, without the library's own fields."""
    names = {}
    for layer in kind.__mro__:
        if issubclass(layer, stripe.StripeObject) and layer.__module__ != "stripe._stripe_object":
            names.update(layer.__dict__.get("__annotations__", {}))
    # The file of the second class names the first one without importing it.
    scope = {"VerificationReport": VerificationReport, **vars(sys.modules[kind.__module__]), **vars(kind)}
    types = get_type_hints(kind, scope, scope)
    return {name: types[name] for name in names if "ClassVar" not in str(names[name]) and name[0] != "_"}


def wrong(value, kind, path):
    """The parts of a value that differ from its type."""
    origin = get_origin(kind)
    if origin is Union:
        # The type "one of these words, or a later one" means one of these words here.
        words = any(get_origin(choice) is Literal for choice in get_args(kind))
        choices = [choice for choice in get_args(kind) if not (words and choice is str)]
        return min((wrong(value, choice, path) for choice in choices), key=len)
    if origin is Literal:
        return [] if value in get_args(kind) else [f"{path}: {value!r}"]
    if origin is list:
        return [found for item in value for found in wrong(item, get_args(kind)[0], path)]
    kind = origin or kind
    if not inspect.isclass(kind) or not issubclass(kind, stripe.StripeObject):
        return [] if isinstance(value, kind) else [f"{path}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{path}: {value!r}"]
    known = hints(kind)
    if not known:
        return []
    missing = [name for name in known if name not in value and type(None) not in get_args(known[name])]
    unknown = [name for name in value if name not in known]
    inside = [wrong(value[name], known[name], f"{path}.{name}") for name in value if name in known]
    return [
        *(f"{path}.{name}: missing" for name in missing),
        *(f"{path}.{name}: unknown" for name in unknown),
        *(found for several in inside for found in several),
    ]


def refusal(call):
    try:
        call()
    except stripe.StripeError as error:
        return {"kind": type(error).__name__, "status": error.http_status, "code": error.code}
    raise AssertionError("was not refused")


def main(order):
    def sessions(key):
        client = stripe.StripeClient(key, base_addresses={"api": order["url"]}, max_network_retries=0)
        return client.v1.identity.verification_sessions

    ours = sessions(order["api_key"])
    expand = {"expand": ["verified_outputs", "verified_outputs.dob"]}
    read = {name: ours.retrieve(id, expand) for name, id in order["sessions"].items()}
    listed = ours.list({"limit": 1})
    events = [stripe.Event.construct_from(event, order["api_key"]) for event in order["events"]]
    checks = [
        *((session, VerificationSession, name) for name, session in read.items()),
        *((session, VerificationSession, "listed") for session in listed.data),
        *((event, stripe.Event, event.type) for event in events),
        *((event.data.object, VerificationSession, event.type) for event in events),
    ]
    return {
        "sessions": {name: session.to_dict() for name, session in read.items()},
        "listed": [session.id for session in listed.data],
        "wrong": [found for read, kind, path in checks for found in wrong(read.to_dict(), kind, path)],
        "missing": refusal(lambda: ours.retrieve("vs_nothing")),
        "wrong_key": refusal(lambda: sessions("rk_test_no-key-of-ours").retrieve("vs_nothing")),
    }


print(json.dumps(main(json.loads(sys.argv[1]))))
