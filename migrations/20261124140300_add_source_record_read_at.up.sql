-- When the record was last read at its source, to within a day: moved at most once a day, and in no index, so that the
-- update stays on its page. Null: not since this column came.
alter table source_record add column read_at timestamptz;
