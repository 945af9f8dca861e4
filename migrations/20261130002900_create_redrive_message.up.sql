-- The messages of a plan, each with the item that stands for it.
create table redrive_message (
    plan_id uuid not null references redrive_plan (plan_id) on delete cascade,
    message_id text not null,
    item_id uuid not null references redrive_item (item_id) on delete cascade,
    -- When it was deleted from the dead-letter queue. Null: not yet.
    deleted_at timestamptz,
    primary key (plan_id, message_id)
);
