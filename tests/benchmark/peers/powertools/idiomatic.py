"""One record at a time to the handler, as the documentation of the batch processor has it; the loop stands in for Lambda."""

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

import job
from poller import poll

UPSERT = """
insert into person (user_id, email, email_verified, given_name, family_name, phone_number, blocked, version_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (user_id) do update set
    email = excluded.email, email_verified = excluded.email_verified, given_name = excluded.given_name,
    family_name = excluded.family_name, phone_number = excluded.phone_number, blocked = excluded.blocked,
    version_at = excluded.version_at
where person.version_at < excluded.version_at
"""

processor = BatchProcessor(event_type=EventType.SQS)
job.session.headers["authorization"] = job.authorization()


def fetch_user(identifier):
    reply = job.session.get(job.user_url(identifier), timeout=10)
    reply.raise_for_status()
    return reply.json()


def record_handler(record):
    user = fetch_user(job.user_id(record))
    job.connection.execute(UPSERT, [user.get(column) for column in job.COLUMNS])
    job.announce([user["user_id"]])


def handler(event, context):
    return process_partial_response(event, record_handler, processor, context)


poll(handler)
