drop index source_record_changed_at;
