-- One row for each record of each source, as the source last answered, with the values that order two readings of it.
create table source_record (
    source text not null,
    -- The source's ID of the record.
    external_id text not null,
    -- What kind of system the source is.
    role text not null default 'sso' check (role in ('sso', 'crm', 'identity')),
    -- Null only in the tombstone of a record that was deleted, or missing, before it was ever read.
    person_id uuid references person (person_id) deferrable initially deferred,
    -- The part of the source's record that we keep. Null in a tombstone: a tombstone holds no personal value.
    record jsonb,
    -- SHA-256 of `record`.
    content_hash bytea,
    -- The source's own ordered version. Null where the source has none.
    version_at timestamptz,
    -- The source's entity tag. It shows only whether two readings are equal, never which is newer.
    etag text,
    -- Ticket of the last refetch that wrote this row, drawn from `refetch_ticket` before that refetch.
    ticket bigint not null,
    -- Ticket of the refetch that last changed the content.
    content_ticket bigint not null,
    -- Our key at the source, or a key that several sources share. Records with the same key belong to one person.
    external_key text,
    -- The address in lower case, if it counts as verified. Records with the same address belong to one person.
    verified_email text,
    -- The record of the same source into which the source merged this one. Only in a tombstone.
    merged_into text,
    -- Not null: a tombstone.
    gone_at timestamptz,
    -- The source itself said that the record was deleted. Otherwise it only did not find it, and any later reading that finds
    -- the record lifts the tombstone.
    gone_proved boolean not null default false,
    -- Not null: the source does not show the record, which proves nothing. Its values stay, and it is read again.
    missing_since timestamptz,
    first_seen_at timestamptz not null default now(),
    -- When the content last changed here.
    changed_at timestamptz not null default now(),
    -- When the record was last read at its source, accurate to a day: it changes at most once a day and is in no index,
    -- so that the update stays on its page (HOT). Null: unknown.
    read_at timestamptz,
    primary key (source, external_id),
    check (gone_at is not null or (person_id is not null and record is not null and content_hash is not null))
);
create index source_record_person_id on source_record (person_id);
create index source_record_external_key on source_record (external_key) where gone_at is null;
create index source_record_verified_email on source_record (verified_email) where gone_at is null;
-- Finds the tombstones of the records that were merged into a record.
create index source_record_merged_into on source_record (source, merged_into) where merged_into is not null;
-- Counts recent deletions that the source did not state.
create index source_record_unproved on source_record (source, gone_at) where gone_at is not null and not gone_proved;
create index source_record_missing on source_record (source, missing_since) where missing_since is not null;
-- Orders records by a hash of their ID, which is independent of their content: a run of neighbours is a random sample,
-- read as fast as any range. The expression never changes for a row, so only a new record writes to the index. The source
-- comes last, so that the planner never prefers this index for a look-up by source and ID.
create index source_record_sample on source_record (hashtextextended(external_id, 0), source);
-- Finds recent changes. A block-range index costs almost nothing to maintain, and from Postgres 16 on an update remains a
-- HOT update, which an ordinary index on this column would prevent. The ranges are small because the changes of one day
-- are scattered over the table.
create index source_record_changed_at on source_record using brin (changed_at)
    with (pages_per_range = 16, autosummarize = on);

-- Orders refetches by when they began, independently of the pods' clocks.
create sequence refetch_ticket as bigint cache 1;

-- The state of each verification case. It shows nothing personal: the names on the document stay in the record.
create view verification as
    select source,
           external_id as session_id,
           person_id,
           -- Null: the case is gone at its provider.
           record ->> 'verification_status' as verification_status,
           -- Null: undecided, or the provider gives no time.
           (record ->> 'decided_at')::timestamptz as decided_at,
           changed_at
    from source_record
    where role = 'identity';
