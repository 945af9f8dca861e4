-- The key of the hashes in `crm_push` and `crm_account`: 32 random bytes, made here. It is in the database, not in a
-- setting, because all units need the same one. `SECURITY.md` says what it protects from.
create table crm_push_key (
    -- There is one row.
    only_row boolean primary key default true check (only_row),
    secret bytea not null check (length(secret) = 32)
);
-- Two random UUIDs have 244 random bits. The extension that makes random bytes is not available everywhere.
insert into crm_push_key (secret)
values (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
