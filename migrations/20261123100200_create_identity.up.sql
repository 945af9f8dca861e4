-- A way to sign in. It belongs to one person at a time, and moves when accounts are linked at the identity provider.
create table identity (
    source text not null,
    provider text not null,
    subject text not null,
    connection text,
    -- The source record that names this identity.
    external_id text not null,
    person_id uuid not null references person (person_id),
    primary key (source, provider, subject)
);
create index identity_external_id on identity (source, external_id);
