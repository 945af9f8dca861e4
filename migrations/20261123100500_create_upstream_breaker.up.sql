-- Whether a provider may be called: shared by all pods, so that one of them probes and the others wait.
create table upstream_breaker (
    upstream text primary key,
    open boolean not null,
    reason text not null,
    opened_at timestamptz not null,
    next_probe_at timestamptz not null,
    -- Failed probes since it opened: spaces the next ones.
    failed_probes integer not null default 0,
    -- Only the holder of this lease may probe.
    probe_lease_until timestamptz not null default '-infinity'
);
