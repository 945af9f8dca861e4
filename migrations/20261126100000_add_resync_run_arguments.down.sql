alter table resync_run drop column arguments;
