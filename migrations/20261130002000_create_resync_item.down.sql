drop table resync_item;
