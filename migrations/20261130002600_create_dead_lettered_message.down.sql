drop table dead_lettered_message;
