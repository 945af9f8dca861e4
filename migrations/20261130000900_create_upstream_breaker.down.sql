drop table upstream_breaker;
