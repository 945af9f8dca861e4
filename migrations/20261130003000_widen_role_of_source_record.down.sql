alter table source_record
    drop constraint source_record_role_check,
    add constraint source_record_role_check check (role in ('sso', 'crm', 'identity')) not valid;
