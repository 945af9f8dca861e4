-- Records in an order that has nothing to do with them: a run of neighbours is a random sample, read as fast as any
-- range. The expression never changes for a row, so only a new record writes to it. The source comes last, so that no
-- look-up by source and ID ever takes this index for its own.
create index source_record_sample on source_record (hashtextextended(external_id, 0), source);
