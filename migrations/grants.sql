-- What each unit may do, for deployments that give each unit an SQL role of its own. `migrate` runs this file after the
-- migrations, with the deployment's own prefix in place of coppice_. It only adds rights, because old pods run while it does:
-- to take one away, write a revoke one release after the last one that needs it. `cargo xtask grants` takes each right away
-- and checks that a test fails.

-- Every unit checks the schema's version when it starts.
grant select on _sqlx_migrations to coppice_app_login, coppice_audit, coppice_content_etl, coppice_coppice,
    coppice_crm_account, coppice_crm_resync, coppice_crm_sync, coppice_fire_drill, coppice_identity_verification,
    coppice_registry_resync, coppice_registry_sync, coppice_resync_enqueuer, coppice_sso_resync, coppice_sso_sync,
    coppice_webhook_ingress;

-- Units with a queue: failed attempts, breakers, announcements, heartbeats, and how redriven messages end.
grant select, insert, delete on message_failure to coppice_app_login, coppice_crm_account, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;
grant select, insert, update on upstream_breaker to coppice_app_login, coppice_crm_account, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;
grant select, insert, update, delete on outbox to coppice_app_login, coppice_crm_account, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;
grant select, update on heartbeat, redrive_item to coppice_app_login, coppice_crm_account, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;

-- Units that write what they read of a record, compute its person and link it. `coppice` does so when an operator decides.
grant select, insert, update on person, source_record, link_review to coppice_app_login, coppice_coppice,
    coppice_crm_resync, coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync,
    coppice_sso_resync, coppice_sso_sync;
grant select, insert, update, delete on identity to coppice_app_login, coppice_coppice, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;
grant select, insert on link_decision to coppice_app_login, coppice_coppice, coppice_crm_resync, coppice_crm_sync,
    coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync, coppice_sso_sync;
grant select on crm_account, crm_push, crm_push_key to coppice_app_login, coppice_coppice, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;
grant usage on sequence refetch_ticket to coppice_app_login, coppice_coppice, coppice_crm_resync, coppice_crm_sync,
    coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync, coppice_sso_sync;

-- Persons are computed by the newest version of coppice.toml, and every unit with a queue compares its file with it. An operator
-- applies a version. If its fields differ, that takes the owner of the schema, as in a release: the view has other columns.
grant select on config_version to coppice_app_login, coppice_coppice, coppice_crm_account, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;
grant insert, update on config_version to coppice_coppice;

-- `coppice source test` takes the way of a reading, up to its end, and takes it back.
grant insert, update, delete on crm_push to coppice_coppice;

-- Who reads persons may read them with a column for each field, too.
grant select on person_profile to coppice_app_login, coppice_coppice, coppice_crm_account, coppice_crm_resync,
    coppice_crm_sync, coppice_identity_verification, coppice_registry_resync, coppice_registry_sync, coppice_sso_resync,
    coppice_sso_sync;

-- Units that read contacts: whether they have what was pushed to them; and requests for a resync after lost changes.
grant insert, update, delete on crm_push to coppice_crm_resync, coppice_crm_sync, coppice_registry_resync,
    coppice_registry_sync;
grant select, insert, update on resync_request to coppice_crm_sync, coppice_registry_sync, coppice_sso_sync;

-- Resync jobs share the provider's limits.
grant select, insert, update on resync_budget to coppice_crm_resync, coppice_registry_resync, coppice_sso_resync;

-- app-login counts sign-ins.
grant select, insert on application, login_event to coppice_app_login;
grant select, insert, update on login to coppice_app_login;

-- crm-account pushes values, and remembers them.
grant select on person, source_record, link_review, crm_push_key to coppice_crm_account;
grant select, insert, update on crm_account to coppice_crm_account;
grant select, insert, update, delete on crm_push to coppice_crm_account;
grant usage on sequence refetch_ticket to coppice_crm_account;

-- webhook-ingress, which the internet reaches, keeps events while the bus does not answer.
grant select, insert, update, delete on ingress_outbox to coppice_webhook_ingress;

-- Records that are handed over: webhook-ingress writes them, and reads of them no content. Units that read records of systems that
-- are no identity provider read them there.
grant select (source, record_id, version_number, version_at, content_hash), insert, update on handed_over_record
    to coppice_webhook_ingress;
grant select on handed_over_record to coppice_audit, coppice_coppice, coppice_crm_resync, coppice_crm_sync,
    coppice_registry_resync, coppice_registry_sync, coppice_resync_enqueuer;

-- resync-enqueuer gathers the records to read again.
grant select, insert, update, delete on resync_run, resync_item to coppice_resync_enqueuer;
grant select, delete on resync_request to coppice_resync_enqueuer;
grant select, insert, update on source_cursor to coppice_resync_enqueuer;
grant select on source_record to coppice_resync_enqueuer;

-- content-etl stores items, and how far it has read.
grant select, insert, update on content_item to coppice_content_etl;
grant select, insert, delete on content_listing to coppice_content_etl;
grant insert on outbox to coppice_content_etl;
grant select, insert, update, delete on source_cursor to coppice_content_etl;
grant usage on sequence refetch_ticket to coppice_content_etl;

-- audit compares stored records with their sources.
grant select on source_record to coppice_audit;
grant insert on audit_result to coppice_audit;

-- fire-drill sends heartbeats and drills, and reads what shows that they went through.
grant select, insert, update on fire_drill to coppice_fire_drill;
grant select, insert on fire_drill_hop to coppice_fire_drill;
grant select, insert, delete on heartbeat to coppice_fire_drill;
grant select, delete on message_failure to coppice_fire_drill;
grant select on ingress_outbox, outbox, upstream_breaker to coppice_fire_drill;

-- coppice, the operators' tool, redrives messages and deletes old rows.
grant select, insert, update, delete on dead_lettered_message to coppice_coppice;
grant select, insert, delete on redrive_plan to coppice_coppice;
grant select, insert, update on redrive_item, redrive_message to coppice_coppice;
grant select, delete on message_failure, login_event, heartbeat, fire_drill, resync_run, audit_result to coppice_coppice;
grant insert on outbox to coppice_coppice;
