-- What somebody means to do with dead letters: a set that is fixed when the plan is made, whatever dies later.
create table redrive_plan (
    plan_id uuid primary key,
    queue text not null,
    action text not null check (action in ('redrive', 'drop')),
    -- How the letters were chosen, and of whom the decision is.
    selection jsonb not null,
    author text,
    reason text,
    created_at timestamptz not null default now()
);

-- What is sent for one subject, for all its letters.
create table redrive_item (
    -- Travels with the message, and with its letter if it dies again.
    item_id uuid primary key,
    plan_id uuid not null references redrive_plan (plan_id) on delete cascade,
    position integer not null,
    -- The letter whose body is sent.
    message_id text not null,
    sent_at timestamptz,
    -- `elsewhere`: its letters were resolved by another plan.
    ended text check (ended in ('handled', 'dead', 'elsewhere')),
    ended_at timestamptz
);
create index redrive_item_plan on redrive_item (plan_id, position);

-- The letters of a plan, each with the item that stands for it.
create table redrive_message (
    plan_id uuid not null references redrive_plan (plan_id) on delete cascade,
    message_id text not null,
    item_id uuid not null references redrive_item (item_id) on delete cascade,
    -- From the dead-letter queue.
    deleted_at timestamptz,
    primary key (plan_id, message_id)
);
