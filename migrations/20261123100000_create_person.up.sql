-- The person as Coppice sees it: computed from source records, never written by hand.
create table person (
    person_id uuid primary key,
    -- Rises by one with every change; announced with it, so that consumers can tell old news from new.
    revision bigint not null default 1,
    status text not null check (status in ('active', 'blocked', 'deleted')),
    email text,
    email_verified boolean not null default false,
    given_name text,
    family_name text,
    display_name text,
    phone text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
