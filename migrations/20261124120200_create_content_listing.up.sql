-- Which items a listing of a whole source has seen, until it has ended: what is missing here then may be gone.
create table content_listing (
    source text not null,
    collection text not null,
    external_id text not null,
    primary key (source, collection, external_id)
);
