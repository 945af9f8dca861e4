drop table fire_drill_hop;
