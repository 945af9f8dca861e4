"""Reads and writes the simulator with simple-salesforce, the client that most Python programs use.

It logs in, reads contacts, queries them in pages and writes them. Salesforce has no REST client of its own for Python.
This one reads statuses and error codes and has no models. The script prints which replies the client treats as a
success, as a missing contact and as an expired session.
"""

import json
import sys
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

VERSION = "60.0"


class ToTheSimulator(HTTPAdapter):
    """The library uses HTTPS and Salesforce's domain only. This adapter sends its requests to the simulator."""

    def __init__(self, url):
        super().__init__()
        self.url = url

    def send(self, request, **settings):
        asked = urlsplit(request.url)
        request.url = self.url + asked.path + (f"?{asked.query}" if asked.query else "")
        return super().send(request, **settings)


def session_to(url):
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToTheSimulator(url))
    return session


def refusal(call):
    try:
        call()
    except SalesforceAuthenticationFailed as error:
        return {"kind": type(error).__name__, "code": error.code}
    except SalesforceError as error:
        return {"kind": type(error).__name__, "status": error.status, "code": error.content[0]["errorCode"]}
    raise AssertionError("was not refused")


def main(order):
    def log_in(secret):
        return Salesforce(
            session=session_to(order["url"]), domain="coppice-sim.my", version=VERSION,
            consumer_key=order["client_id"], consumer_secret=secret,
        )

    org = log_in(order["client_secret"])
    key = f"Person_Key__c/{order['new_key']}"
    written = [org.Contact.upsert(key, {"LastName": name}) for name in order["last_names"]]
    stranger = Salesforce(
        session=session_to(order["url"]), version=VERSION, session_id="no-session-of-ours", instance_url=order["url"]
    )
    fields = "SELECT Id, Email, SystemModstamp FROM Contact ORDER BY SystemModstamp, Id"
    return {
        "contact": org.Contact.get(order["contact"]),
        "by_key": org.Contact.get_by_custom_id("Person_Key__c", order["key"]),
        "first_page": org.query(fields),
        "all_pages": org.query_all(fields),
        "limits": org.limits()["DailyApiRequests"],
        "usage": org.api_usage["api-usage"].used,
        "written": written,
        "changed": org.Contact.update(order["contact"], {"Phone": order["phone"]}),
        "missing": refusal(lambda: org.Contact.get("0039x0000000000AAA")),
        "without_last_name": refusal(lambda: org.Contact.upsert("Person_Key__c/other", {"FirstName": "x"})),
        "wrong_query": refusal(lambda: org.query("SELECT Nonsense FROM Contact")),
        "wrong_session": refusal(lambda: stranger.Contact.get(order["contact"])),
        "wrong_secret": refusal(lambda: log_in("no-secret-of-ours")),
    }


print(json.dumps(main(json.loads(sys.argv[1]))))
