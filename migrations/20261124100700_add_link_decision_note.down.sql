alter table link_decision drop column note;
