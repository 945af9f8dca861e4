-- What the CMS has, as it last said it: one row an item, tombstones included.
create table content_item (
    content_item_id uuid primary key,
    source text not null,
    -- Within which external IDs are unique: `entry` and `asset`, or a collection's name.
    collection text not null,
    external_id text not null,
    -- The editors' name of the kind of content. Unknown of an item that was deleted before it was ever read.
    content_type text,
    -- The languages that the item has values in; none where the CMS does not tell them apart.
    locales text[] not null,
    -- The item's fields, as they are. Null: it is gone.
    body jsonb,
    published boolean not null,
    -- The CMS's own count of revisions, where it has one. It begins anew when an ID is used again, so it orders nothing.
    source_revision bigint,
    -- The source's own ordered version; of a tombstone, when the item went, where the source says so.
    version_at timestamptz,
    -- Drawn before the reading that the row is from: orders readings where versions do not.
    ticket bigint not null,
    -- Ours: rises by one with each change that is announced.
    revision bigint not null default 1,
    gone_at timestamptz,
    changed_at timestamptz not null default now(),
    unique (source, collection, external_id),
    check ((body is null) = (gone_at is not null))
);
-- A listing asks for what is there and was not listed; without this, every tombstone would be read again each time.
create index content_item_present on content_item (source, collection, external_id) where gone_at is null;
