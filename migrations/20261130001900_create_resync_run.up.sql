-- A run of resync-enqueuer that is in progress or was interrupted. The next run of the same kind resumes it. A run that
-- completes deletes its row.
create table resync_run (
    run_id uuid primary key,
    source text not null,
    -- Where the IDs come from: `stale`, `listing`, `changes`, `ids` or `requested`.
    origin text not null,
    -- The arguments of the run. A run with other arguments does not resume it.
    arguments text not null default '',
    -- Where to continue in the provider's pages. Null: at the first page.
    cursor text,
    pages bigint not null default 0,
    -- The number of records according to the provider, from the first page that gave one.
    total bigint,
    -- Why the absence of a record from the listing does not prove that it is gone. Null: it does prove it.
    unproven text,
    -- When the last page was read. Null: pages remain.
    read_at timestamptz,
    -- When the deletion guard passed. From then on only sending remains.
    passed_at timestamptz,
    -- Items up to this position have been sent.
    sent_through bigint not null default 0,
    started_at timestamptz not null default now(),
    moved_at timestamptz not null default now(),
    unique (source, origin)
);
