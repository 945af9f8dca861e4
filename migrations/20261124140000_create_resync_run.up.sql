-- A run of resync-enqueuer that is under way, or was interrupted and goes on here. One that ends well leaves none.
create table resync_run (
    run_id uuid primary key,
    source text not null,
    -- What names the records: stale, listing, changes, ids, requested.
    origin text not null,
    -- Where the reading of the provider's pages goes on. Null: at the beginning.
    cursor text,
    pages bigint not null default 0,
    -- How many records the provider said that it has, on the first page that said so.
    total bigint,
    -- Why the listing does not prove that what it lacks is gone. Null: nothing speaks against it.
    unproven text,
    -- Every page has been read.
    read_at timestamptz,
    -- The guard has let it pass: only sending is left.
    passed_at timestamptz,
    -- Items up to this position were sent.
    sent_through bigint not null default 0,
    started_at timestamptz not null default now(),
    moved_at timestamptz not null default now(),
    unique (source, origin)
);
