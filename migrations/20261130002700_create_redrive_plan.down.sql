drop table redrive_plan;
