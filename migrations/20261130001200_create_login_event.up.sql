-- Sign-ins that `login` already counts: an event that is delivered twice is counted once.
create table login_event (
    source text not null,
    event_id text not null,
    at timestamptz not null,
    primary key (source, event_id)
);
