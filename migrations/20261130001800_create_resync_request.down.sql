drop table resync_request;
