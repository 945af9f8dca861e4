-- A day that a text begins with, or null. A profile may hold a text that is no day: it was believed by another policy.
create function day_of(said text) returns date language sql immutable strict parallel safe as $$
    select case when said ~ '^(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])' then
        case when substr(said, 9, 2)::integer <= extract(day from
                      make_date(substr(said, 1, 4)::integer, substr(said, 6, 2)::integer, 1) + interval '1 month - 1 day')
             then make_date(substr(said, 1, 4)::integer, substr(said, 6, 2)::integer, substr(said, 9, 2)::integer) end
    end
    from (select btrim(day_of.said)) as trimmed (said)
$$;

-- True or false as a source may spell it, or null.
create function truth_of(said text) returns boolean language sql immutable strict parallel safe as $$
    select case lower(btrim(said)) when 'true' then true when '1' then true when 'false' then false when '0' then false end
$$;

-- Persons for readers that are not ours: one column for each field of the policy, with its type. When the policy's fields
-- change, the view is made again (`Store::create_person_profile`).
create view person_profile as
    select person_id, revision, status, merged_into,
           profile ->> 'email' as email,
           profile ->> 'phone' as phone,
           profile ->> 'given_name' as given_name,
           profile ->> 'family_name' as family_name,
           profile ->> 'display_name' as display_name,
           day_of(profile ->> 'birthdate') as birthdate,
           profile -> 'mailing_address' as mailing_address,
           coalesce((provenance #>> '{email,verified}')::boolean, false) as email_verified,
           created_at, updated_at
    from person;
