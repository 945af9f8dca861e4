-- The circuit breaker of each upstream. All pods share the row: one of them probes, the others wait.
create table upstream_breaker (
    upstream text primary key,
    open boolean not null,
    reason text not null,
    opened_at timestamptz not null,
    next_probe_at timestamptz not null,
    closed_at timestamptz not null default '-infinity',
    -- Failed probes since the breaker opened, and openings shortly after it closed. The interval between probes grows with it.
    failed_probes integer not null default 0,
    -- Only the holder of this lease may probe.
    probe_lease_until timestamptz not null default '-infinity',
    -- Number of the latest lease. The result of a probe counts only under this number, so that a late result changes nothing.
    probe_lease bigint not null default 0
);
