drop view verification;
