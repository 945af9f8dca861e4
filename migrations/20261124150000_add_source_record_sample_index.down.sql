drop index source_record_sample;
