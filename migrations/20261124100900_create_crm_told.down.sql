drop table crm_told;
