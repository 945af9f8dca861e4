// Ten messages to the handler at once, and one of everything for them: one multi-row statement, one PutEvents, one batch
// delete, which is the library's. The refetches, for which the provider has no batch, run at once, through undici's own
// `request`, which costs less than fetch. Several consumers share the process, so that it does not idle while one waits.

import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { Consumer } from 'sqs-consumer';
import { Pool } from 'undici';

import { AUTH0_URL, QUEUE_URL, announced, announcement, authorization, events, pool, run, sqs, userId, userPath } from './job.js';

const CONSUMERS = 4;

const UPSERT = `
  insert into person (user_id, email, email_verified, given_name, family_name, phone_number, blocked, version_at)
  select * from unnest(
    $1::text[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::timestamptz[])
  on conflict (user_id) do update set
    email = excluded.email, email_verified = excluded.email_verified, given_name = excluded.given_name,
    family_name = excluded.family_name, phone_number = excluded.phone_number, blocked = excluded.blocked,
    version_at = excluded.version_at
  where person.version_at < excluded.version_at`;

const COLUMNS = [
  'user_id', 'email', 'email_verified', 'given_name', 'family_name', 'phone_number', 'blocked', 'updated_at',
];

const provider = new Pool(AUTH0_URL, { connections: 16 });

async function fetchUser(id, headers) {
  const { statusCode, body } = await provider.request({ method: 'GET', path: userPath(id), headers });
  if (statusCode !== 200) throw new Error(`provider answers ${statusCode}`);
  return body.json();
}

async function handleMessageBatch(messages) {
  // A statement may touch a row once, and two of them must lock rows in the same order.
  const ids = [...new Set(messages.map(userId))].sort();
  const headers = { authorization: await authorization() };
  const users = await Promise.all(ids.map((id) => fetchUser(id, headers)));
  const values = COLUMNS.map((column) => users.map((user) => user[column] ?? null));
  await pool.query({ name: 'upsert', text: UPSERT, values });
  announced(await events.send(new PutEventsCommand({ Entries: ids.map(announcement) })));
  return messages;
}

for (let number = 0; number < CONSUMERS; number += 1) {
  run(Consumer.create({ queueUrl: QUEUE_URL, sqs, batchSize: 10, handleMessageBatch }));
}
