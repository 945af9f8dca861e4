-- Possible links without proof, for an operator to decide.
create table link_review (
    source text not null,
    external_id text not null,
    -- The person to whom the record may belong.
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
