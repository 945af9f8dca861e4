-- A source has said that more has changed than it can name: all its records are to be read again. Served by the
-- resync-enqueuer.
create table resync_request (
    source text primary key,
    -- The event that said so.
    cause uuid not null,
    requested_at timestamptz not null default now()
);
