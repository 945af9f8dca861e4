drop view person_login;
drop table login_event;
drop table login;
drop table application;
