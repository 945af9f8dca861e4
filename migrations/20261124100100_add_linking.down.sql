drop table link_review;
drop table link_decision;
update person set status = 'deleted' where status in ('known', 'merged');
alter table person
    drop column birthdate,
    drop column mailing_address,
    drop column provenance,
    drop column merged_into,
    drop constraint person_status_check,
    add constraint person_status_check check (status in ('active', 'blocked', 'deleted'));
alter table source_record drop column role, drop column external_key, drop column verified_email, drop column merged_into;
