-- The result of each audit of a source, for the trend. Counts only.
create table audit_result (
    source text not null,
    finished_at timestamptz not null default now(),
    -- Records drawn at random from all records of the source, and how many of them diverged.
    sampled integer not null,
    sampled_divergent integer not null,
    -- Bounds of the 95 % confidence interval of the share of divergent records.
    share_low double precision not null,
    share_high double precision not null,
    -- Records that changed within the requested time, and how many of them diverged.
    recent integer not null,
    recent_divergent integer not null,
    -- Neither equal nor divergent: the row changed repeatedly during the audit, or the source gave no answer.
    undecided integer not null,
    primary key (source, finished_at)
);
