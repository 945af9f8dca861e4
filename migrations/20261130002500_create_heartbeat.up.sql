-- Heartbeats: synthetic events without a record, one for each unit every few minutes. Both times are the database's, so
-- that the latency between them does not depend on the pods' clocks. Rows are deleted after some days.
create table heartbeat (
    heartbeat_id uuid primary key,
    unit text not null,
    sent_at timestamptz not null default now(),
    -- When the unit's worker received it. Null: not yet.
    seen_at timestamptz
);
create index heartbeat_unit_sent_at on heartbeat (unit, sent_at);
