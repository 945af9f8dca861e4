"""The refetches at once, through the asynchronous batch processor and aiohttp; one multi-row statement, one PutEvents.

A record whose refetch fails, fails alone. When the statement or the announcement fails, the whole batch comes again.
"""

import os

# As in Lambda: the batch processor then keeps one event loop over all batches, and with it the open connections.
os.environ.setdefault("LAMBDA_TASK_ROOT", os.getcwd())

import aiohttp  # noqa: E402
from aws_lambda_powertools.utilities.batch import AsyncBatchProcessor, EventType  # noqa: E402
from yarl import URL  # noqa: E402

import job  # noqa: E402
from poller import poll  # noqa: E402

UPSERT = """
insert into person (user_id, email, email_verified, given_name, family_name, phone_number, blocked, version_at)
select * from unnest(
    %s::text[], %s::text[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::timestamptz[])
on conflict (user_id) do update set
    email = excluded.email, email_verified = excluded.email_verified, given_name = excluded.given_name,
    family_name = excluded.family_name, phone_number = excluded.phone_number, blocked = excluded.blocked,
    version_at = excluded.version_at
where person.version_at < excluded.version_at
"""

processor = AsyncBatchProcessor(event_type=EventType.SQS)
headers = {"authorization": job.authorization()}
session = None


async def record_handler(record):
    global session
    if session is None:  # it belongs to the loop that it is made in
        session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=10))
    url = URL(job.user_url(job.user_id(record)), encoded=True)
    async with session.get(url, raise_for_status=True) as reply:
        return await reply.json()


def handler(event, context):
    with processor(event["Records"], record_handler):
        results = processor.async_process()
    # A statement may touch a row once: the newest of two answers for one user.
    users = {}
    for status, user, _ in results:
        if status == "success" and user["updated_at"] >= users.get(user["user_id"], user)["updated_at"]:
            users[user["user_id"]] = user
    if users:
        columns = [[user.get(column) for user in users.values()] for column in job.COLUMNS]
        job.connection.execute(UPSERT, columns)
        job.announce(users)
    return processor.response()


poll(handler)
