drop trigger person_in_both_forms on person;
drop function person_in_both_forms;
alter table person drop column profile;
update person set provenance = provenance #- '{email,verified}' where provenance #> '{email,verified}' is not null;
