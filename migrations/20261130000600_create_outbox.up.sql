-- Announcements that committed with the change they announce. A relay publishes each and deletes it.
create table outbox (
    event_id uuid primary key,
    -- The `detail-type`.
    kind text not null,
    entity_id uuid not null,
    revision bigint not null,
    -- The event that caused the change.
    cause uuid not null,
    -- How many events there are from the first cause to this one: bounds loops.
    hop smallint not null,
    traceparent text not null,
    created_at timestamptz not null default now(),
    -- A relay publishes a row only during its lease. When the lease has expired, any relay may lease the row.
    leased_until timestamptz not null default '-infinity'
);
create index outbox_leased_until on outbox (leased_until, event_id);
