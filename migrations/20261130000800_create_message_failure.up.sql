-- Each failed attempt to handle a message; deleted when the message succeeds. Dead-lettering depends on these rows and not
-- on SQS's receive count, which also rises with crashes, rollouts, lost replies and views in the console.
create table message_failure (
    failure_id bigint generated always as identity primary key,
    queue text not null,
    -- SQS's ID of the message.
    message_id text not null,
    failed_at timestamptz not null default now(),
    class text not null,
    detail text not null,
    -- Another record went the same way after the last failure of this class. Only such failures count against a record.
    witnessed boolean not null default false,
    worker_version text not null
);
create index message_failure_message on message_failure (queue, message_id, failure_id);
