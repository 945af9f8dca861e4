drop table login_event;
