drop table crm_push_key;
