drop table ingress_outbox;
