-- The circuit breaker of each upstream. All pods share the row: one of them probes, the others wait.
create table upstream_breaker (
    upstream text primary key,
    open boolean not null,
    reason text not null,
    opened_at timestamptz not null,
    next_probe_at timestamptz not null,
    -- Failed probes since the breaker opened. The interval between probes grows with it.
    failed_probes integer not null default 0,
    -- Only the holder of this lease may probe.
    probe_lease_until timestamptz not null default '-infinity'
);
