"""What both forms share: the database, the bus, the provider's token. Each client is made once, outside the handler.

In: the environment. Out: connections that stay open. Must not know: how many messages there are at once.
"""

import json
import os
from urllib.parse import quote

import boto3
import psycopg
import requests

AUTH0_URL = os.environ["AUTH0_URL"]
BUS_NAME = os.environ["BUS_NAME"]

COLUMNS = (
    "user_id",
    "email",
    "email_verified",
    "given_name",
    "family_name",
    "phone_number",
    "blocked",
    "updated_at",
)

# One connection, since a handler has one batch at a time. psycopg prepares what it executes often by itself.
connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
events = boto3.client("events")
session = requests.Session()


def authorization():
    reply = session.post(
        f"{AUTH0_URL}/oauth/token",
        json={
            "grant_type": "client_credentials",
            "client_id": os.environ["AUTH0_CLIENT_ID"],
            "client_secret": os.environ["AUTH0_CLIENT_SECRET"],
            "audience": os.environ["AUTH0_AUDIENCE"],
        },
        timeout=10,
    )
    reply.raise_for_status()
    return f"Bearer {reply.json()['access_token']}"


def user_id(record):
    return record.json_body["detail"]["data"]["object"]["user_id"]


def user_url(identifier):
    return f"{AUTH0_URL}/api/v2/users/{quote(identifier, safe='')}"


def announce(identifiers):
    reply = events.put_events(
        Entries=[
            {
                "EventBusName": BUS_NAME,
                "Source": "peer",
                "DetailType": "PersonChanged",
                "Detail": json.dumps({"user_id": identifier}),
            }
            for identifier in identifiers
        ]
    )
    if reply["FailedEntryCount"]:
        raise RuntimeError(f"{reply['FailedEntryCount']} event(s) not taken")
