drop table message_failure;
