-- How far each feed of changes of each source has been read.
create table source_cursor (
    source text not null,
    -- What the feed is about: user, contact, content.
    entity text not null,
    -- Opaque: the source's own.
    cursor text not null,
    moved_at timestamptz not null default now(),
    primary key (source, entity)
);
