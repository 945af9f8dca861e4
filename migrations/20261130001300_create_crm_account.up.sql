-- The CRM contact that belongs to a person, because we created it or linked it, and the last values that we pushed to it.
create table crm_account (
    source text not null,
    -- The CRM's ID of the contact.
    external_id text not null,
    person_id uuid not null references person (person_id),
    linked_at timestamptz not null default now(),
    -- HMAC-SHA-256 of our key and the values of the last push, with the key in `crm_push_key`.
    pushed_hash bytea not null,
    -- Drawn from `refetch_ticket` before the last push: a reading with a later ticket shows what became of it.
    push_ticket bigint not null,
    -- How many times in a row these same values were pushed and the contact was read afterwards. The count limits a conflict
    -- with a user or a rule in the CRM that changes them back each time.
    pushed_times integer not null default 1,
    pushed_at timestamptz not null default now(),
    primary key (source, external_id)
);
create index crm_account_person_id on crm_account (person_id);
