alter table identity alter constraint identity_person_id_fkey not deferrable;
