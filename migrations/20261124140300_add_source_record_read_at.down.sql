alter table source_record drop column read_at;
