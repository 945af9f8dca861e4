-- Fire drills: for each, one poison event that a unit has to refuse. A row is open until somebody has seen the drill's end:
-- the run that began it, a later run, or the next heartbeat.
create table fire_drill (
    -- The marker that the event carries.
    drill_id uuid primary key,
    unit text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    passed boolean,
    -- The first hop that did not answer, and why; of a drill that failed.
    broken_hop text,
    reason text,
    check ((ended_at is null) = (passed is null)),
    check (passed is distinct from false or (broken_hop is not null and reason is not null))
);

-- One at a time for each unit: whoever comes second goes on with the first one's.
create unique index fire_drill_open on fire_drill (unit) where ended_at is null;

-- When a unit's drill last passed.
create index fire_drill_unit_ended_at on fire_drill (unit, ended_at);
