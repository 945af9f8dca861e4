-- Hashes of the values that we pushed to a CRM. When the CRM returns such a value, it is our own echo and not an assertion
-- of the CRM.
create table crm_push (
    source text not null,
    person_id uuid not null references person (person_id),
    field text not null,
    -- SHA-256 of the value without leading and trailing blanks.
    value_hash bytea not null,
    pushed_at timestamptz not null default now(),
    primary key (person_id, source, field, value_hash)
);
