drop table redrive_message;
