-- The account that a person has in a CRM because we made it or took it over, and what we last told it.
create table crm_account (
    source text not null,
    -- The CRM's ID of the contact.
    external_id text not null,
    person_id uuid not null references person (person_id),
    linked_at timestamptz not null default now(),
    -- Of the fields that were last written.
    pushed_hash bytea not null,
    -- How often in a row just that was written: whoever changes it back each time is not written against for ever.
    pushed_times integer not null default 1,
    pushed_at timestamptz not null default now(),
    primary key (source, external_id)
);
create index crm_account_person_id on crm_account (person_id);
