drop table person;
