-- Why somebody decided so, in their own words. Automation leaves it empty.
alter table link_decision add column note text;
