-- What the peers keep: one row a user, as the provider last said it, and the version that fences it.
-- Coppice's own schema, which keeps far more, is in migrations/.
create table person (
    user_id text primary key,
    email text,
    email_verified boolean,
    given_name text,
    family_name text,
    phone_number text,
    blocked boolean,
    version_at timestamptz not null
);
