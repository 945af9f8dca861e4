drop table identity;
