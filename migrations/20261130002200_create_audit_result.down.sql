drop table audit_result;
