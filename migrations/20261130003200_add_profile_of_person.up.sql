-- The fields of a person are data: the policy file defines them. The seven columns of before hold the same values until the
-- release after this one removes them, together with the trigger. Until then pods of the release before can run on this schema.
alter table person
    -- Each field that has a value, in the spelling of its source. `provenance` has the same keys.
    add column profile jsonb not null default '{}';

-- Copies what one release writes to where the other reads it. A person is the same in both forms, so that a release does not
-- write and announce a person that the other has computed.
create function person_in_both_forms() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.profile <> '{}' or tg_op = 'UPDATE' and new.profile is distinct from old.profile then
        -- This release has written the person.
        new.email := new.profile ->> 'email';
        new.given_name := new.profile ->> 'given_name';
        new.family_name := new.profile ->> 'family_name';
        new.display_name := new.profile ->> 'display_name';
        new.phone := new.profile ->> 'phone';
        new.birthdate := new.profile ->> 'birthdate';
        new.mailing_address := new.profile -> 'mailing_address';
        new.email_verified := coalesce((new.provenance #>> '{email,verified}')::boolean, false);
    elsif tg_op = 'INSERT' or new.profile = '{}'
        or (new.email, new.email_verified, new.given_name, new.family_name, new.display_name, new.phone, new.birthdate,
            new.mailing_address)
           is distinct from
           (old.email, old.email_verified, old.given_name, old.family_name, old.display_name, old.phone, old.birthdate,
            old.mailing_address) then
        -- The release before has written the person, or nothing has copied it yet.
        new.profile := jsonb_strip_nulls(jsonb_build_object(
            'email', new.email, 'given_name', new.given_name, 'family_name', new.family_name,
            'display_name', new.display_name, 'phone', new.phone, 'birthdate', new.birthdate));
        -- The parts of an address may be null.
        if new.mailing_address is not null then
            new.profile := new.profile || jsonb_build_object('mailing_address', new.mailing_address);
        end if;
        if new.provenance ? 'email' then
            new.provenance := jsonb_set(new.provenance, '{email,verified}', to_jsonb(new.email_verified));
        end if;
    else
        new.email_verified := coalesce((new.provenance #>> '{email,verified}')::boolean, false);
    end if;
    return new;
end $$;
create trigger person_in_both_forms before insert or update on person
    for each row execute function person_in_both_forms();
