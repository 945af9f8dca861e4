-- Announcements that are committed with the change they announce, until the bus has taken them.
create table outbox (
    event_id uuid primary key,
    kind text not null,
    entity_id uuid not null,
    revision bigint not null,
    cause uuid not null,
    hop smallint not null,
    traceparent text not null,
    created_at timestamptz not null default now(),
    -- A relay publishes a row only while it holds this claim; a claim that has passed is anybody's.
    leased_until timestamptz not null default '-infinity'
);
create index outbox_leased_until on outbox (leased_until, event_id);
