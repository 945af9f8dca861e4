-- A constraint cannot be made invalid again. The next file down replaces it.
select;
