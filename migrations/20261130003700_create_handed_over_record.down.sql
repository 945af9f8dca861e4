drop table handed_over_record;
