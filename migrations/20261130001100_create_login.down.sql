drop view person_login;
drop table login;
