-- Each decision to link a record to a person, to keep them separate or to undo a link. Rows are only ever added.
create table link_decision (
    decision_id bigint generated always as identity primary key,
    source text not null,
    external_id text not null,
    -- Null: the record had no person before.
    from_person_id uuid,
    to_person_id uuid not null,
    -- The rule or the operator's action.
    reason text not null,
    -- The name of the worker or of the operator who decided.
    author text not null,
    -- The operator's explanation. Null in decisions of workers.
    note text,
    decided_at timestamptz not null default now()
);
create index link_decision_record on link_decision (source, external_id, decision_id);
