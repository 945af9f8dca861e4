-- How far each source has been read: opaque text of the reader's own, moved in the transaction of what it was read with.
create table source_cursor (
    source text not null,
    -- What is read there: `content …`, or a change feed's own name.
    entity text not null,
    cursor text not null,
    moved_at timestamptz not null default now(),
    primary key (source, entity)
);
