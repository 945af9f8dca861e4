-- What an operator decided to do with dead-lettered messages. The set of messages is frozen when the plan is made:
-- messages that are dead-lettered later are not part of it.
create table redrive_plan (
    plan_id uuid primary key,
    queue text not null,
    action text not null check (action in ('redrive', 'drop')),
    -- The filter that selected the messages.
    selection jsonb not null,
    author text,
    reason text,
    created_at timestamptz not null default now()
);
