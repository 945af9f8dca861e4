-- How much of a source's daily budget all pods of its resync jobs have used together.
create table resync_budget (
    source text primary key,
    -- In UTC. The counts below are for this day.
    day date not null,
    requests bigint not null default 0,
    deletions bigint not null default 0,
    -- When the next request may begin. A pod that leases requests moves it by the time that these take.
    next_request_at timestamptz not null default now()
);
