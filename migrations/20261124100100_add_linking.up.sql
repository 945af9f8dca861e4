-- Several sources say something of one person: what links their records, and what came of it.
alter table source_record
    -- What the source is to us. The first source was an identity provider.
    add column role text not null default 'sso' check (role in ('sso', 'crm', 'identity')),
    -- Our key at the source, or a key that sources share: equal keys mean one person.
    add column external_key text,
    -- The address in small letters, where it counts as verified: equal ones mean one person.
    add column verified_email text,
    -- The record of the same source that this one was merged into. Only in a tombstone.
    add column merged_into text;
create index source_record_external_key on source_record (external_key) where gone_at is null;
create index source_record_verified_email on source_record (verified_email) where gone_at is null;

alter table person
    add column birthdate text,
    add column mailing_address jsonb,
    -- For each field: source, external_id, version_at, rule.
    add column provenance jsonb not null default '{}',
    -- The person that all records of this one now belong to.
    add column merged_into uuid references person (person_id),
    drop constraint person_status_check,
    add constraint person_status_check check (status in ('active', 'blocked', 'deleted', 'known', 'merged'));

-- Every link that was ever made or undone, with its reason. Rows are added, never changed.
create table link_decision (
    decision_id bigint generated always as identity primary key,
    source text not null,
    external_id text not null,
    -- Null: the record's first person.
    from_person_id uuid,
    to_person_id uuid not null,
    reason text not null,
    -- A worker's name, or who decided.
    author text not null,
    decided_at timestamptz not null default now()
);
create index link_decision_record on link_decision (source, external_id, decision_id);

-- Links that nothing proves: for a person to decide.
create table link_review (
    source text not null,
    external_id text not null,
    candidate_person_id uuid not null references person (person_id) deferrable initially deferred,
    reason text not null,
    opened_at timestamptz not null default now(),
    -- Null: open.
    verdict text check (verdict in ('linked', 'separate')),
    decided_by text,
    decided_at timestamptz,
    primary key (source, external_id, candidate_person_id),
    foreign key (source, external_id) references source_record (source, external_id)
);
create index link_review_open on link_review (opened_at) where verdict is null;
create index link_review_candidate on link_review (candidate_person_id);
