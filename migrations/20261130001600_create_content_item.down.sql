drop table content_item;
