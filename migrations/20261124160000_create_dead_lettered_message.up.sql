-- A copy of each dead letter that somebody has planned to redrive or to drop: what is dropped is still here.
create table dead_lettered_message (
    -- The unit's name, or `undelivered`.
    queue text not null,
    -- SQS's ID of the letter in the dead-letter queue.
    message_id text not null,
    -- IDs only, but for `undelivered`, which may hold a partner's whole event.
    body text not null,
    attributes jsonb not null,
    sent_at timestamptz not null,
    copied_at timestamptz not null default now(),
    -- Null: it is still in the queue, as far as we know.
    resolution text check (resolution in ('redriven', 'dropped')),
    resolved_at timestamptz,
    primary key (queue, message_id)
);
create index dead_lettered_message_resolved_at on dead_lettered_message (resolved_at) where resolved_at is not null;
