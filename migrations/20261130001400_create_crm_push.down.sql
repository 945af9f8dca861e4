drop table crm_push;
