-- One way to sign in, as one source record names it. When accounts are linked at the identity provider, a different record
-- names it from then on. Until both records have been read, two rows may name the same way to sign in.
create table identity (
    source text not null,
    -- The source record that names this identity.
    external_id text not null,
    -- The system that authenticates: `auth0`, `google-oauth2`.
    provider text not null,
    -- That system's ID of the account.
    subject text not null,
    connection text,
    -- Deferred: the store writes the identities of a record before the person, whose row may be new.
    person_id uuid not null references person (person_id) deferrable initially deferred,
    primary key (source, external_id, provider, subject)
);
-- Finds the record for an ID that lacks its provider: `68ee…` for `auth0|68ee…`.
create index identity_subject on identity (source, subject);
