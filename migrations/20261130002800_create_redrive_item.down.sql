drop table redrive_item;
