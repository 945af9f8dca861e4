-- The number of sign-ins of a user to an application, with the first and the last time. The row belongs to the user of the
-- source and not to the person: a link, a merge or a separation rewrites nothing here, and the sign-ins of a user whose
-- record has not been read yet are counted too.
create table login (
    login_id uuid primary key,
    source text not null,
    external_id text not null,
    application_id uuid not null references application (application_id),
    count bigint not null check (count > 0),
    first_at timestamptz not null,
    last_at timestamptz not null,
    unique (source, external_id, application_id),
    check (first_at <= last_at)
);

-- The sign-ins of persons: the sum over all users that are now linked to the person.
create view person_login as
    select record.person_id, login.application_id, sum(login.count)::bigint as count,
           min(login.first_at) as first_at, max(login.last_at) as last_at
    from login join source_record record using (source, external_id)
    where record.person_id is not null
    group by record.person_id, login.application_id;
