-- What webhooks told of while the bus did not take it: the IDs alone, until a relay has published them. There is no
-- column in which anything else of a webhook could stand.
create table ingress_outbox (
    event_id uuid primary key,
    source text not null,
    detail_type text not null,
    ids text[] not null,
    change text not null,
    not_before timestamptz,
    created_at timestamptz not null default now(),
    -- A relay publishes a row only while it holds this claim; a claim that has passed is anybody's.
    leased_until timestamptz not null default '-infinity'
);
create index ingress_outbox_leased_until on ingress_outbox (leased_until, event_id);
