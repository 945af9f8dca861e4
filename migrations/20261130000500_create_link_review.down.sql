drop table link_review;
