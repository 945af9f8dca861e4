-- Fire drills. Each sends one poison event that a unit has to dead-letter. A row stays open until its end is recorded: by
-- the run that began it, by a later run, or by the heartbeat job.
create table fire_drill (
    -- The marker that the event carries.
    drill_id uuid primary key,
    unit text not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    passed boolean,
    -- In a failed drill: the first hop that the event did not reach, and why.
    broken_hop text,
    reason text,
    check ((ended_at is null) = (passed is null)),
    check (passed is distinct from false or (broken_hop is not null and reason is not null))
);
-- One open drill for each unit: a second run continues the first one's drill.
create unique index fire_drill_open on fire_drill (unit) where ended_at is null;
-- Finds when a unit's drill last passed.
create index fire_drill_unit_ended_at on fire_drill (unit, ended_at);
