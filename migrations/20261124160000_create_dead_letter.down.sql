drop table dead_letter;
