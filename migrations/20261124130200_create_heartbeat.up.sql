-- Heartbeats: events that name nobody, one for each unit every few minutes. Both times are by the database's clock, so that
-- the time from one to the other is a latency whatever the pods' clocks say. Kept for days, not for ever.
create table heartbeat (
    heartbeat_id uuid primary key,
    unit text not null,
    sent_at timestamptz not null default now(),
    -- When the unit's worker had it in hand.
    seen_at timestamptz
);

create index heartbeat_unit_sent_at on heartbeat (unit, sent_at);
