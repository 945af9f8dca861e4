-- What changed lately. Block ranges, since they cost next to nothing to keep: a change of a row stays a change in place
-- (HOT, from Postgres 16 on), which an ordinary index would end. Small ranges, since a day's changes lie scattered.
create index source_record_changed_at on source_record using brin (changed_at) with (pages_per_range = 16, autosummarize = on);
