-- The records of a run of resync-enqueuer: gathered first, then sent in the order of their positions.
create table resync_item (
    run_id uuid not null references resync_run on delete cascade,
    external_id text not null,
    position bigint not null generated always as identity,
    -- The version in the listing, where it gives one.
    version_at timestamptz,
    primary key (run_id, external_id)
);
create index resync_item_position on resync_item (run_id, position);
