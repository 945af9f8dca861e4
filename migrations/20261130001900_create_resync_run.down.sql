drop table resync_run;
