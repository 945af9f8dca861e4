-- The items that a listing of a whole scope has seen so far. When it ends, an item without a row here may be gone.
create table content_listing (
    source text not null,
    scope text not null,
    collection text not null,
    external_id text not null,
    primary key (source, scope, collection, external_id)
);
