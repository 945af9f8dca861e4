-- The columns hold the same values.
select;
