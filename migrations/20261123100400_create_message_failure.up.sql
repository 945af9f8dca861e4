-- Every failed attempt at a message, until it succeeds. What decides on dead-lettering: SQS's receive count also
-- rises with crashes, rollouts, lost replies and console views.
create table message_failure (
    failure_id bigint generated always as identity primary key,
    queue text not null,
    message_id text not null,
    failed_at timestamptz not null default now(),
    class text not null,
    detail text not null,
    worker_version text not null
);
create index message_failure_message on message_failure (queue, message_id, failure_id);
