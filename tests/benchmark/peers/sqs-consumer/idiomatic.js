// One message at a time to the handler, ten of them at once: the library's README, "to process messages in parallel, use the
// batchSize option". The library deletes each message when its handler returns it.

import { PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { Consumer } from 'sqs-consumer';

import { AUTH0_URL, QUEUE_URL, announced, announcement, authorization, events, pool, run, sqs, userId, userPath } from './job.js';

const UPSERT = `
  insert into person (user_id, email, email_verified, given_name, family_name, phone_number, blocked, version_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (user_id) do update set
    email = excluded.email, email_verified = excluded.email_verified, given_name = excluded.given_name,
    family_name = excluded.family_name, phone_number = excluded.phone_number, blocked = excluded.blocked,
    version_at = excluded.version_at
  where person.version_at < excluded.version_at`;

async function fetchUser(id) {
  const reply = await fetch(AUTH0_URL + userPath(id), { headers: { authorization: await authorization() } });
  if (!reply.ok) throw new Error(`provider answers ${reply.status}`);
  return reply.json();
}

async function handleMessage(message) {
  const user = await fetchUser(userId(message));
  await pool.query({
    name: 'upsert', // prepared once for each connection
    text: UPSERT,
    values: [
      user.user_id, user.email, user.email_verified, user.given_name, user.family_name, user.phone_number,
      user.blocked, user.updated_at,
    ],
  });
  announced(await events.send(new PutEventsCommand({ Entries: [announcement(user.user_id)] })));
  return message;
}

run(Consumer.create({ queueUrl: QUEUE_URL, sqs, batchSize: 10, handleMessage }));
