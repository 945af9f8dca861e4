-- Files of records that `import` has read. A source has at most one run that is not finished: the next run of the same files resumes it.
create table import_run (
    run_id uuid primary key,
    source text not null,
    -- Names, sizes and times of the files. Other files begin from the start.
    files text not null,
    -- The files have every record: one that they lack was removed.
    whole boolean not null,
    -- Also the version of each record that the run writes.
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    -- The checkpoint: rows that are done, bad ones included.
    rows bigint not null default 0,
    bad_rows bigint not null default 0,
    -- Bad rows whose ID cannot be read: any record may be one of them.
    nameless_rows bigint not null default 0
);
create unique index import_run_unfinished on import_run (source) where finished_at is null;
