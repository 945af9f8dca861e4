//! Settings with wrong names, and settings for missing objects.

use simulators::auth0::Fault;

use super::Clinic;

#[tokio::test]
async fn the_doctor_finds_settings_with_wrong_or_missing_objects() {
    let clinic = Clinic::open().await;
    let nowhere = format!("{}-of-yesterday", clinic.queue());
    let gone = ("queue coppice-sso-sync-auth0-of-yesterday: it does not exist", "COPPICE_QUEUE_URL");
    let said = clinic.examine("sso-sync", &[("COPPICE_QUEUE_URL", &nowhere)]).await;
    said.says(1, &[gone.0, gone.1]);
    let neighbour = clinic.world.topology.queue_url("crm-sync").unwrap();
    let said = clinic.examine("sso-sync", &[("COPPICE_QUEUE_URL", neighbour)]).await;
    said.says(
        1,
        &[
            "none of its 1 target(s) is the queue coppice-crm-sync-salesforce",
            "set COPPICE_QUEUE_URL to the queue of this unit",
        ],
    );
    let no_bus = ("bus of-tomorrow: it does not exist", "COPPICE_BUS_NAME to the output BusName");
    clinic.finds("sso-sync", &[("COPPICE_BUS_NAME", "of-tomorrow")], &[no_bus]).await;
    let unreachable = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    clinic.finds("sso-sync", &unreachable, &[("AWS does not answer: no connection", "NetworkPolicy")]).await;

    let wrong = [("COPPICE_SECRET_AUTH0_CLIENT_SECRET", "wrong")];
    clinic.finds("sso-sync", &wrong, &[("provider refuses our credentials", "[sources.auth0]")]).await;
    let wrong = [("COPPICE_SECRET_SALESFORCE_CLIENT_SECRET", "wrong")];
    clinic
        .finds("crm-account", &wrong, &[("provider refuses our credentials", "[sources.salesforce]")])
        .await;
    let wrong = [("COPPICE_SECRET_STRIPE_API_KEY", "wrong")];
    clinic
        .finds("identity-verification", &wrong, &[("provider refuses our credentials", "[sources.stripe]")])
        .await;
    clinic.world.idp.set_fault(Fault::Down);
    clinic
        .finds(
            "app-login",
            &[],
            &[("provider auth0: provider is unavailable", "If the provider is down, wait")],
        )
        .await;
}

#[tokio::test]
async fn the_doctor_finds_a_database_that_is_older_or_down() {
    let clinic = Clinic::open().await;
    let older = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(older).execute(&clinic.world.pool).await.unwrap();
    clinic.finds("crm-sync", &[], &[("schema database: it is at version", "run the job migrate")]).await;
    let away = [("DATABASE_URL", "postgres://away:hunter2@127.0.0.1:1/none")];
    let said = clinic.examine("crm-sync", &away).await;
    said.says(1, &["FAULT    database DATABASE_URL: database unavailable", "skipped  clock database"]);
    assert!(!said.out.contains("hunter2") && !said.err.contains("hunter2"), "{said:?}");
}

#[tokio::test]
async fn the_doctor_lists_every_wrong_setting_of_the_unit() {
    let clinic = Clinic::open().await;
    let missing = [("COPPICE_QUEUE_URL", ""), ("sources.auth0.url", ""), ("COPPICE_MAX_IN_FLIGHT", "1")];
    let said = clinic.examine("sso-sync", &missing).await;
    said.says(
        2,
        &["COPPICE_QUEUE_URL: is not set", "sources.auth0.url: is missing", "COPPICE_MAX_IN_FLIGHT: must be"],
    );
    assert_eq!(said.out, "");
    clinic.examine("webhook-ingress", &[]).await.says(2, &["webhook_secrets"]);
    clinic
        .examine("sso-sync", &[("DATABASE_URL", "mysql://x")])
        .await
        .says(2, &["DATABASE_URL: database URL cannot be used"]);
    clinic.examine("no-such-unit", &[]).await.says(2, &["invalid value"]);
}
