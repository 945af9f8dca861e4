-- What the pods of a resync job have used of a source's day together.
create table resync_budget (
    source text primary key,
    -- In UTC. The counts below are this day's.
    day date not null,
    requests bigint not null default 0,
    deletions bigint not null default 0,
    -- When the next request may begin: whoever leases requests moves it on by their time.
    next_request_at timestamptz not null default now()
);
