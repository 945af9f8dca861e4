drop index source_record_merged_into;
