-- One message that a plan sends for one subject; it stands for all dead-lettered messages about that subject.
create table redrive_item (
    -- Travels with the sent message, and with it into the dead-letter queue if it fails again.
    item_id uuid primary key,
    plan_id uuid not null references redrive_plan (plan_id) on delete cascade,
    position integer not null,
    -- The dead-lettered message whose body is sent.
    message_id text not null,
    sent_at timestamptz,
    -- `dead_lettered`: the sent message was dead-lettered again. `elsewhere`: another plan resolved the messages.
    ended text check (ended in ('handled', 'dead_lettered', 'elsewhere')),
    ended_at timestamptz
);
create index redrive_item_plan on redrive_item (plan_id, position);
