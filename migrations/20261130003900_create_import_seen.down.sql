drop table import_seen;
