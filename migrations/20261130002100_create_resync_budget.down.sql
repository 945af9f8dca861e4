drop table resync_budget;
