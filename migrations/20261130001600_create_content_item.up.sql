-- One row for each item of the CMS, as the CMS last answered, tombstones included.
create table content_item (
    content_item_id uuid primary key,
    source text not null,
    -- What one cursor reads: a space and its environment, or a collection of one server. Another scope has other items.
    scope text not null,
    -- The namespace within which external IDs are unique: `entry`, `asset`, or the name of a collection.
    collection text not null,
    external_id text not null,
    -- The content model's name of the type. Null for an item that was deleted before it was ever read.
    content_type text,
    -- The languages in which the item has values; empty where the CMS does not distinguish languages.
    locales text[] not null,
    -- The item's fields. Null: the item is gone.
    body jsonb,
    published boolean not null,
    -- The CMS's own revision number, where it has one. It restarts when an ID is reused, so it orders nothing.
    source_revision bigint,
    -- The source's own ordered version. In a tombstone: when the item was deleted, where the source says so.
    version_at timestamptz,
    -- Drawn from `refetch_ticket` before the item was read: orders readings where versions do not.
    ticket bigint not null,
    -- Our own: rises by one with each announced change.
    revision bigint not null default 1,
    gone_at timestamptz,
    changed_at timestamptz not null default now(),
    unique (source, scope, collection, external_id),
    check ((body is null) = (gone_at is not null))
);
-- A listing looks for present items that it did not see. Without this index it would read every tombstone each time.
create index content_item_present on content_item (source, scope, collection, external_id) where gone_at is null;
