-- The IDs that the files of an unfinished run have. When a whole run has read its files to the end, the other records were removed.
create table import_seen (
    run_id uuid not null references import_run on delete cascade,
    record_id text not null,
    primary key (run_id, record_id)
);
