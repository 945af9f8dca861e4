drop table redrive_letter;
drop table redrive_item;
drop table redrive_plan;
