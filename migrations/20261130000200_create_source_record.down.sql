drop view verification;
drop sequence refetch_ticket;
drop table source_record;
