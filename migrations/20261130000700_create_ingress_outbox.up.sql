-- Events from webhooks that the bus could not take when they arrived. A relay publishes each and deletes it. The row holds
-- IDs; no column can hold any other part of a webhook.
create table ingress_outbox (
    event_id uuid primary key,
    -- The bus's `source`: `coppice.ingress.<provider>`.
    source text not null,
    detail_type text not null,
    -- The source's IDs of the records to refetch.
    ids text[] not null,
    -- `changed`, `deleted`, or `missed` without IDs.
    change text not null,
    -- A refetch that answers with an older version came from a stale replica.
    not_before timestamptz,
    -- The account at the provider that the event is from, where the provider says so.
    account text,
    created_at timestamptz not null default now(),
    -- A relay publishes a row only during its lease. When the lease has expired, any relay may lease the row.
    leased_until timestamptz not null default '-infinity'
);
create index ingress_outbox_leased_until on ingress_outbox (leased_until, event_id);
