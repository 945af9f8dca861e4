-- Applications that somebody has signed in to, as the identity provider names them.
create table application (
    application_id uuid primary key,
    source text not null,
    external_id text not null,
    first_seen_at timestamptz not null default now(),
    unique (source, external_id)
);

-- How often, and from when to when, a user of a source has signed in to an application. Of the user and not of the
-- person: when records are linked, merged or parted, nothing here needs to be rewritten, and a sign-in of a user whom
-- nobody has read counts like any other.
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

-- Sign-ins that are counted already, so that one that is delivered again is not counted again.
create table login_event (
    source text not null,
    event_id text not null,
    at timestamptz not null,
    primary key (source, event_id)
);

-- The sign-ins of persons: of all the users that are now linked to them.
create view person_login as
    select record.person_id, login.application_id, sum(login.count)::bigint as count,
           min(login.first_at) as first_at, max(login.last_at) as last_at
    from login join source_record record using (source, external_id)
    where record.person_id is not null
    group by record.person_id, login.application_id;
