-- Applications with at least one sign-in, as the identity provider names them.
create table application (
    application_id uuid primary key,
    source text not null,
    external_id text not null,
    first_seen_at timestamptz not null default now(),
    unique (source, external_id)
);
