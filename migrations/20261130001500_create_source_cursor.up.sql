-- How far each source has been read. The cursor moves in the transaction that writes the records read up to it.
create table source_cursor (
    source text not null,
    -- What the cursor is for: `content …`, or the name of a change feed.
    entity text not null,
    -- Opaque text; only the connector that wrote it understands it.
    cursor text not null,
    moved_at timestamptz not null default now(),
    primary key (source, entity)
);
