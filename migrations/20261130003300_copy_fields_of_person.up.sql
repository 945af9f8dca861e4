-- no-transaction
-- The trigger does the work: it copies the columns of a person that has no profile yet. In batches, so that no worker waits
-- long for a person. It leaves `revision` and `updated_at`, so nothing is announced.
do $$
declare
    last uuid := '00000000-0000-0000-0000-000000000000';
begin
    loop
        with batch as materialized (
            select person_id from person where person_id > last order by person_id limit 1000 for no key update),
        copied as (
            update person set profile = person.profile from batch
            where person.person_id = batch.person_id and person.profile = '{}')
        select (array_agg(person_id order by person_id desc))[1] into last from batch;
        exit when last is null;
        commit;
    end loop;
end $$;
