-- What each audit of a source found, for the trend. Counts only.
create table audit_result (
    source text not null,
    finished_at timestamptz not null default now(),
    -- Drawn at random from all records of the source, and how many of them diverged.
    sampled integer not null,
    sampled_divergent integer not null,
    -- Ends of the 95 % interval of the share of divergent records among all of the source's.
    share_low double precision not null,
    share_high double precision not null,
    -- Changed within the time that was asked for, and how many of them diverged.
    recent integer not null,
    recent_divergent integer not null,
    -- Neither equal nor divergent: the row kept changing, or the source could not say.
    undecided integer not null,
    primary key (source, finished_at)
);
