-- Records of systems that cannot be asked for a record by its ID: as they were handed over, at `webhook-ingress` or by `import`. For
-- their connector this table is the source: workers read it again as they read any other source.
create table handed_over_record (
    source text not null,
    -- The sender's ID of the record.
    record_id text not null,
    -- The sender's version, which orders what was handed over: a whole number, or a time.
    version_number bigint,
    version_at timestamptz,
    -- The JSON object that was handed over. Null: the sender has removed the record. Then nothing personal is left.
    content jsonb,
    -- SHA-256 of it. So `webhook-ingress`, which the internet reaches, need not read what is stored to compare it.
    content_hash bytea check (length(content_hash) = 32),
    removed boolean not null generated always as (content is null) stored,
    -- When it was last handed over with another version: by the clock, not the transaction's beginning.
    received_at timestamptz not null default clock_timestamp(),
    -- The run of `import` that wrote it. Null: it came through `webhook-ingress`.
    import_run uuid,
    primary key (source, record_id),
    check ((version_number is null) <> (version_at is null)),
    check (jsonb_typeof(content) = 'object'),
    check ((content is null) = (content_hash is null))
);
-- Reads what changed since, the oldest first.
create index handed_over_record_received_at on handed_over_record (source, received_at, record_id);
