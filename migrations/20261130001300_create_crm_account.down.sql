drop table crm_account;
