"""What AWS Lambda does around a handler: receive, invoke, delete what has not failed.

In: a Lambda handler that reports partial failures. Out: its messages deleted, in one batch, as Lambda's own poller does.
Must not know: what a message is about.
"""

import os
import sys

import boto3

QUEUE_URL = os.environ["QUEUE_URL"]


def as_record(message):
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def poll(handler):
    # Endpoint, region and credentials are the SDK's own variables; it keeps its connections open.
    sqs = boto3.client("sqs")
    while True:
        reply = sqs.receive_message(QueueUrl=QUEUE_URL, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        messages = reply.get("Messages", [])
        if not messages:
            continue
        try:
            failures = handler({"Records": [as_record(message) for message in messages]}, None)
        except Exception as error:  # Lambda, too, leaves all of a batch in the queue, and goes on.
            print(repr(error), file=sys.stderr, flush=True)
            continue
        failed = {failure["itemIdentifier"] for failure in failures["batchItemFailures"]}
        entries = [
            {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"]}
            for position, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if entries:
            sqs.delete_message_batch(QueueUrl=QUEUE_URL, Entries=entries)
