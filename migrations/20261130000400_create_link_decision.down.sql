drop table link_decision;
