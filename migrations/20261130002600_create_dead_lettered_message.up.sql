-- A copy of each dead-lettered message that a plan redrives or drops. A dropped message still exists here.
create table dead_lettered_message (
    -- The name of the unit, or `undelivered`.
    queue text not null,
    -- SQS's ID of the message in the dead-letter queue.
    message_id text not null,
    -- IDs only, except in `undelivered`, where it may be a partner's whole event.
    body text not null,
    attributes jsonb not null,
    sent_at timestamptz not null,
    copied_at timestamptz not null default now(),
    -- Null: the message is still in the queue, as far as we know.
    resolution text check (resolution in ('redriven', 'dropped')),
    resolved_at timestamptz,
    primary key (queue, message_id)
);
create index dead_lettered_message_resolved_at on dead_lettered_message (resolved_at) where resolved_at is not null;
