drop table source_cursor;
