-- One row for each record of each source, as the source last said it, with what orders two readings of it.
create table source_record (
    source text not null,
    external_id text not null,
    -- Null only in the tombstone of a record that was gone before it was ever read.
    person_id uuid references person (person_id) deferrable initially deferred,
    -- What we keep of the source's record. Null once it is gone: a tombstone holds no personal value.
    record jsonb,
    content_hash bytea,
    -- The source's own ordered version. Null where the source has none.
    version_at timestamptz,
    -- Opaque to us: tells equality only.
    etag text,
    -- Drawn from refetch_ticket before the refetch that brought this row.
    ticket bigint not null,
    -- Ticket of the refetch that last changed the content.
    content_ticket bigint not null,
    gone_at timestamptz,
    first_seen_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    primary key (source, external_id),
    check (gone_at is not null or (person_id is not null and record is not null and content_hash is not null))
);
create index source_record_person_id on source_record (person_id);

-- Orders refetches by when they began, whatever the clocks of the pods say.
create sequence refetch_ticket as bigint cache 1;
