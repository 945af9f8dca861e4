drop view person_profile;
drop function truth_of(text);
drop function day_of(text);
