-- Hashes of the values that we last pushed to each contact of a CRM. When the contact has such a value, it is our own echo and
-- not an assertion of the CRM. A row ends when the contact is read with another value for the field. Until a reading shows
-- whether a new value has arrived, the value before it stays, too.
create table crm_push (
    source text not null,
    -- The CRM's ID of the contact. While the contact is being created: the key that it gets, our ID of the person.
    contact text not null,
    field text not null,
    -- HMAC-SHA-256 of the field's name and the value without leading and trailing blanks, with the key in `crm_push_key`.
    value_hash bytea not null,
    -- Drawn from `refetch_ticket` before the push.
    begun_ticket bigint not null,
    -- Drawn after the push, or when a reading found the value. Null: whether it arrived is unknown.
    written_ticket bigint,
    -- The contact's version before the push, as far as it was known. A reading with this version says nothing about the push.
    contact_version_at timestamptz,
    pushed_at timestamptz not null default now(),
    primary key (source, contact, field, value_hash)
);
