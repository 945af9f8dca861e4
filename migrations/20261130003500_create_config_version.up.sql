-- What `coppice config apply` has stored of each coppice.toml: the fields, whom to believe, what is pushed, and which sources
-- there are. The newest version is the one by which every unit computes persons. A file is never changed here: going back to an
-- older one makes a new version. URLs and credentials of sources are not here.
create table config_version (
    version      bigint primary key,
    -- TOML: all sections but that of the sources.
    policy       text not null,
    -- By name: role and connector.
    sources      jsonb not null,
    -- SHA-256 of both.
    hash         bytea not null check (length(hash) = 32),
    author       text not null,
    applied_at   timestamptz not null default now(),
    -- The version whose file this is again.
    rolled_back_to bigint references config_version,
    -- Persons up to here were computed by it. An interrupted run resumes after this one.
    computed_through uuid,
    -- When all persons had been. Null: a run is under way, or was interrupted.
    computed_at  timestamptz
);
