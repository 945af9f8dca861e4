drop table content_listing;
