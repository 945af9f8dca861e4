-- A source has reported changes without naming the records, so all its records have to be read again. The job
-- resync-enqueuer serves the request.
create table resync_request (
    source text primary key,
    -- The event that requested it.
    cause uuid not null,
    requested_at timestamptz not null default now()
);
