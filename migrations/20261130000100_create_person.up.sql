-- One row for each person. Coppice computes it from the source records by the policy of authority; no one edits it by hand.
create table person (
    -- UUIDv7.
    person_id uuid primary key,
    -- Rises by one with each change. Every announcement carries it, so that a consumer can discard an older one.
    revision bigint not null default 1,
    -- `active`, `blocked`, `deleted`: the state of the account at the identity provider. `known`: the person has no account.
    -- `merged`: the person has no records of their own any more, and `merged_into` names the person who has them.
    status text not null check (status in ('active', 'blocked', 'deleted', 'known', 'merged')),
    merged_into uuid references person (person_id),
    email text,
    email_verified boolean not null default false,
    given_name text,
    family_name text,
    display_name text,
    phone text,
    -- `YYYY-MM-DD`.
    birthdate text,
    mailing_address jsonb,
    -- For each field that has a value: source, external_id, version_at and the rule that chose it.
    provenance jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
