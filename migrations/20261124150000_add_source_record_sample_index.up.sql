-- The records of a source in an order that has nothing to do with them: a run of neighbours is a random sample, read as
-- fast as any range. The expression never changes for a row, so only a new record writes to it.
create index source_record_sample on source_record (source, hashtextextended(external_id, 0));
