drop table redrive_message;
drop table redrive_item;
drop table redrive_plan;
