-- What a CRM was told of a person, by hashes: when the CRM says it, that is our own echo, and no claim of the CRM's.
create table crm_push (
    source text not null,
    person_id uuid not null references person (person_id),
    field text not null,
    -- SHA-256 of the value without blanks around it.
    value_hash bytea not null,
    pushed_at timestamptz not null default now(),
    primary key (person_id, source, field, value_hash)
);
