-- When a drill's event reached each hop, by the clock of the system that reports it: the queue, CloudWatch or the job.
create table fire_drill_hop (
    drill_id uuid not null references fire_drill (drill_id) on delete cascade,
    hop text not null,
    reached_at timestamptz not null,
    primary key (drill_id, hop)
);
