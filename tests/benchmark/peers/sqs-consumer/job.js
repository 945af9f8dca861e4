// What both forms share: the clients, each made once, and the provider's token.
//
// In: the environment. Out: clients with connections that stay open, which is the default of the AWS SDK v3 and of fetch.
// Must not know: how many messages there are at once.

import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';

export const { QUEUE_URL, BUS_NAME, AUTH0_URL } = process.env;

// Endpoint, region and credentials are the SDK's own variables.
export const sqs = new SQSClient({});
export const events = new EventBridgeClient({});
export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

let token;

// The token is asked for once, and lives for a day.
export function authorization() {
  token ??= fetch(`${AUTH0_URL}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'client_credentials',
      client_id: process.env.AUTH0_CLIENT_ID,
      client_secret: process.env.AUTH0_CLIENT_SECRET,
      audience: process.env.AUTH0_AUDIENCE,
    }),
  })
    .then((reply) => reply.json())
    .then((reply) => `Bearer ${reply.access_token}`);
  return token;
}

export const userPath = (id) => `/api/v2/users/${encodeURIComponent(id)}`;

export const userId = (message) => JSON.parse(message.Body).detail.data.object.user_id;

export const announcement = (id) => ({
  EventBusName: BUS_NAME,
  Source: 'peer',
  DetailType: 'PersonChanged',
  Detail: JSON.stringify({ user_id: id }),
});

export function announced(reply) {
  if (reply.FailedEntryCount > 0) throw new Error(`${reply.FailedEntryCount} event(s) not taken`);
}

// A consumer that reports what goes wrong and ends when it is told to, as the README has it.
export function run(consumer) {
  for (const event of ['error', 'processing_error', 'timeout_error']) {
    consumer.on(event, (error) => console.error(event, error.message));
  }
  process.on('SIGTERM', () => consumer.stop());
  consumer.start();
}
