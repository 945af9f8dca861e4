-- A record's identities are written before its person, whose row may only then come to be.
alter table identity alter constraint identity_person_id_fkey deferrable initially deferred;
