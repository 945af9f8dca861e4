-- Finds the tombstones that name a record as the one they were merged into.
create index source_record_merged_into on source_record (source, merged_into) where merged_into is not null;
