-- A way to sign in, as one record names it. When accounts are linked at the identity provider, another record names it
-- from then on; until both have been read, both rows may stand here.
create table identity (
    source text not null,
    -- The source record that names this identity.
    external_id text not null,
    provider text not null,
    subject text not null,
    connection text,
    person_id uuid not null references person (person_id),
    primary key (source, external_id, provider, subject)
);
-- Finds the record by an ID that lacks its provider.
create index identity_subject on identity (source, subject);
