drop table fire_drill;
