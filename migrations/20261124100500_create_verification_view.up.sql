-- How far each verification case has come. Nothing personal: the names of the document stand in the record.
create view verification as
    select source,
           external_id as session_id,
           person_id,
           -- Null: the case is gone at its provider.
           record ->> 'verification_status' as verification_status,
           -- Null: not decided, or the provider does not say when.
           (record ->> 'decided_at')::timestamptz as decided_at,
           changed_at
    from source_record
    where role = 'identity';
