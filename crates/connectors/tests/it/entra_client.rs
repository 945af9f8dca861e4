//! The Entra client against the simulated tenant: users, what their absence proves, throttling, tokens.

use std::sync::LazyLock;
use std::time::Duration;

use connectors::entra::Notifications;
use connectors::{
    Account, ChangesFrom, Cloud, EntraAuth, EntraClient, EntraConfig, Fetched, Listing, ProviderError,
    Record, Records, SignInIdentity, Vendor,
};
use provider_http::test_server::{answering, noting};
use provider_http::{Outage, TestKey, pem};
use serde_json::{Value, json};
use simulators::entra::{Application, EntraSimulator, Fault, SimulatedIdentity, SimulatedUser};

use crate::fixtures::{ENTRA_APP, Parts, SECRET, entra_at, entra_config, record};

pub(crate) const ID: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";
pub(crate) const OTHER: &str = "51c2e8aa-0f0e-4a52-8c1d-1b2f3a4c5d6e";

static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

/// A tenant with our application.
pub(crate) async fn tenant() -> EntraSimulator {
    let tenant = EntraSimulator::start().await;
    tenant.put_application(Application::new(ENTRA_APP).with_secret(SECRET));
    tenant
}

pub(crate) fn client(tenant: &EntraSimulator) -> EntraClient {
    entra_at(&tenant.base_url())
}

pub(crate) fn client_with(tenant: &EntraSimulator, notifications: Option<Notifications>) -> EntraClient {
    let config = entra_config(&tenant.base_url(), EntraAuth::Secret(SECRET.into()));
    EntraClient::client(EntraConfig { notifications, ..config }, |_| {}).unwrap()
}

async fn found(client: &EntraClient, id: &str) -> Record {
    match client.fetch(id, None).await {
        Ok(Fetched::Found(user)) => *user,
        other => panic!("{id}: {other:?}"),
    }
}

const DELETED: Result<Fetched, ProviderError> = Ok(Fetched::Gone { merged_into: None });
const NOT_FOUND: Result<Fetched, ProviderError> = Ok(Fetched::NotFound);

#[tokio::test]
async fn a_recorded_user_is_read() {
    let url = answering(200, &[], record("entra/user")).await;
    let user = found(&entra_at(&url), ID).await;
    assert_eq!(user.text("email"), Some("tove.lind@bayside.example"));
    assert_eq!(user.text("phone"), Some("+15550100188"));
    assert_eq!(user.external_key.as_deref(), Some("P-000917"));
    assert_eq!((user.version_at, user.etag.as_deref()), (None, None));
    let Account { blocked, email_verified, identities } = user.account();
    assert!(*blocked && !email_verified && user.unread.is_empty());
    let identity = |provider: &str, subject: &str| SignInIdentity {
        provider: provider.into(),
        connection: None,
        subject: subject.into(),
    };
    assert_eq!(*identities, [identity("entra", ID), identity("google.com", "117700000000042")]);
}

#[tokio::test]
async fn a_user_is_read_in_full() {
    let tenant = tenant().await;
    let google = SimulatedIdentity { issuer: "google.com".into(), subject: Some("117".into()) };
    let guest = SimulatedIdentity { issuer: "ExternalAzureAD".into(), subject: None };
    let stored = SimulatedUser { identities: vec![google, guest], ..SimulatedUser::new(ID) };
    tenant.put_user(stored.clone().with_employee_id("P-7"));
    let user = found(&client(&tenant), &ID.to_uppercase()).await;
    assert_eq!((user.id.as_str(), user.text("email")), (ID, stored.mail.as_deref()));
    assert_eq!(user.text("given_name"), Some(stored.given_name.as_str()));
    assert_eq!(user.text("family_name"), Some(stored.surname.as_str()));
    assert_eq!(user.text("phone"), stored.mobile_phone.as_deref());
    assert_eq!(user.external_key.as_deref(), Some("P-7"));
    assert!(!user.account().blocked && user.account().identities.len() == 2);
    assert_eq!(tenant.token_requests(), 1);
}

/// Case 1.
#[tokio::test]
async fn every_read_selects_what_is_kept_and_an_answer_without_account_enabled_is_refused() {
    let (url, asked) =
        noting(json!({"value": [], "@odata.deltaLink": "/v1.0/users/delta?$deltatoken=x"})).await;
    let client = entra_at(&url);
    assert!(client.fetch(ID, None).await.is_err());
    client.list(None).await.unwrap();
    let beginning = ChangesFrom::Time(time::OffsetDateTime::UNIX_EPOCH);
    client.changes(beginning).await.unwrap();
    client.ping().await.unwrap();
    let kept = "id,accountEnabled,mail,givenName,surname,displayName,mobilePhone,businessPhones,employeeId,identities,deletedDateTime";
    let expected = [
        format!("/v1.0/users/{ID}?%24select={kept}"),
        "/v1.0/users?%24select=id&%24top=999".to_owned(),
        format!("/v1.0/users/delta?%24select={kept}"),
        "/v1.0/users?%24select=id&%24top=1".to_owned(),
    ];
    assert_eq!(asked.paths(), expected.map(|path| path.replace(',', "%2C")));

    let tenant = tenant().await;
    tenant.put_user(SimulatedUser::new(ID));
    tenant.set_fault(Fault::Partial);
    let refused = Err(ProviderError::Unreadable { field: "accountEnabled" });
    assert_eq!(self::client(&tenant).fetch(ID, None).await, refused);
}

/// Cases 2 and 4.
#[tokio::test]
async fn a_deleted_user_is_gone_until_it_is_restored_and_a_purged_one_is_only_not_found() {
    let tenant = tenant().await;
    let client = client(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    let before = found(&client, ID).await;
    tenant.delete(ID);
    assert_eq!(client.fetch(ID, None).await, DELETED);
    tenant.restore(ID);
    assert_eq!(found(&client, ID).await, before);
    tenant.delete(ID);
    tenant.purge(ID);
    assert_eq!(client.fetch(ID, None).await, NOT_FOUND);
}

/// Case 3.
#[tokio::test]
async fn a_new_user_that_a_replica_lacks_is_not_found_and_then_found() {
    let tenant = tenant().await;
    let client = client(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    tenant.set_fault(Fault::Stale);
    assert_eq!(client.fetch(ID, None).await, NOT_FOUND);
    tenant.set_fault(Fault::None);
    assert_eq!(found(&client, ID).await.id, ID);
}

#[tokio::test]
async fn a_deleted_item_that_is_another_or_cannot_be_read_proves_nothing() {
    let answer = |body: Value| async move {
        let path = format!("/v1.0/directory/deletedItems/{ID}/microsoft.graph.user");
        let url = provider_http::test_server::answering_with(move |request: axum::extract::Request| {
            let (status, body) =
                if request.uri().path() == path { (200, body.to_string()) } else { (404, "{}".to_owned()) };
            std::future::ready(provider_http::test_server::reply(status, &[], &body))
        });
        entra_at(&url.await).fetch(ID, None).await
    };
    assert_eq!(answer(json!({ "id": ID.to_uppercase() })).await, DELETED);
    assert_eq!(answer(json!({ "id": OTHER })).await, Err(ProviderError::WHOLE_REPLY_MALFORMED));
    for body in [json!({}), json!([]), json!({"id": "tove@bayside.example"})] {
        let unreadable = Err(ProviderError::Unreadable { field: "id" });
        assert_eq!(answer(body.clone()).await, unreadable, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_to_read_deleted_items_is_no_deletion() {
    for status in [401, 403, 500] {
        let url = provider_http::test_server::answering_with(move |request: axum::extract::Request| {
            let deleted = request.uri().path().contains("deletedItems");
            let status = if deleted { status } else { 404 };
            std::future::ready(provider_http::test_server::reply(status, &[], "{}"))
        });
        assert!(entra_at(&url.await).fetch(ID, None).await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn a_user_that_is_shown_as_deleted_is_gone() {
    let mut user = record("entra/user");
    user["deletedDateTime"] = json!("2026-11-30T10:00:00Z");
    let url = answering(200, &[], user).await;
    assert_eq!(entra_at(&url).fetch(ID, None).await, DELETED);
}

#[tokio::test]
async fn only_a_guid_is_sent() {
    let tenant = tenant().await;
    let client = client(&tenant);
    let refused = ProviderError::Invalid { status: 400 };
    for id in ["me", "tove@bayside.example", "tove_gmail.com#EXT#@bayside.example", "$x", "delta", "$count"] {
        assert_eq!(client.fetch(id, None).await, Err(refused.clone()), "{id}");
    }
    assert_eq!(tenant.total_requests(), 0);
}

#[tokio::test]
async fn another_tenant_or_a_wrong_secret_is_a_refusal_and_no_absence() {
    let tenant = tenant().await;
    tenant.put_user(SimulatedUser::new(ID));
    let with = |tenant_id: &str, secret: &str| {
        let url = tenant.base_url();
        let cloud = Cloud::new(url.parse().unwrap(), url.parse().unwrap()).unwrap();
        let auth = EntraAuth::Secret(secret.into());
        let config = EntraConfig {
            tenant_id: tenant_id.into(),
            client_id: ENTRA_APP.into(),
            auth,
            cloud,
            notifications: None,
        };
        EntraClient::client(config, |_| {}).unwrap()
    };
    for (tenant_id, secret) in [(OTHER, SECRET), (tenant.tenant_id(), "wrong")] {
        let client = with(tenant_id, secret);
        assert_eq!(client.fetch(ID, None).await, Err(ProviderError::Unauthorized), "{tenant_id}");
    }
    assert_eq!(with(tenant.tenant_id(), SECRET).ping().await, Ok(()));
    assert_eq!(tenant.total_requests(), 1);
}

fn with_certificate(tenant: &EntraSimulator, key: &TestKey, certificate: &str) -> EntraClient {
    let url = tenant.base_url();
    let cloud = Cloud::new(url.parse().unwrap(), url.parse().unwrap()).unwrap();
    let private_key = key.private_pem.as_str().into();
    let auth = EntraAuth::Certificate { private_key, certificate: certificate.to_owned() };
    let tenant_id = tenant.tenant_id().to_owned();
    EntraClient::client(
        EntraConfig { tenant_id, client_id: ENTRA_APP.into(), auth, cloud, notifications: None },
        |_| {},
    )
    .unwrap()
}

#[tokio::test]
async fn a_certificate_stands_for_a_secret() {
    let tenant = EntraSimulator::start().await;
    let certificate = pem("CERTIFICATE", b"the certificate of the application");
    tenant.put_application(Application::new(ENTRA_APP).with_certificate(&KEY.public_pem, &certificate));
    tenant.put_user(SimulatedUser::new(ID));
    let client = with_certificate(&tenant, &KEY, &certificate);
    assert_eq!(found(&client, ID).await.id, ID);
    tenant.expire_tokens();
    assert_eq!(found(&client, ID).await.id, ID);
    assert_eq!(
        (tenant.token_requests(), tenant.requests_for(ID)),
        (2, 3),
        "refused once, with the old token"
    );
    for (key, certificate) in
        [(&TestKey::generate(), certificate.as_str()), (&KEY, &pem("CERTIFICATE", b"another certificate"))]
    {
        let stranger = with_certificate(&tenant, key, certificate);
        assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    }
}

#[tokio::test]
async fn outages_are_no_answers() {
    let tenant = tenant().await;
    let client = client(&tenant);
    assert_eq!(client.ping().await, Ok(()));
    tenant.set_fault(Fault::Down);
    let down = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!(client.fetch(ID, None).await, Err(down));
    tenant.set_fault(Fault::WrongJson);
    assert!(matches!(client.fetch(ID, None).await, Err(ProviderError::Malformed { .. })));
}

/// Case 9, without `$batch`.
#[tokio::test]
async fn a_429_pauses_with_and_without_a_time_to_wait() {
    for says_how_long in [true, false] {
        let tenant = tenant().await;
        let client = client(&tenant);
        tenant.put_user(SimulatedUser::new(ID));
        found(&client, ID).await;
        tenant.set_rate_limit(0, Duration::from_secs(40), says_how_long);
        let Err(ProviderError::RateLimited { retry_after }) = client.fetch(ID, None).await else {
            panic!("a full quota is a pause")
        };
        let expected = if says_how_long { 30..=41 } else { 10..=10 };
        assert!(expected.contains(&retry_after.as_secs()), "{retry_after:?}");
        assert!(matches!(client.ping().await, Err(ProviderError::RateLimited { .. })));
        assert_eq!(tenant.total_requests(), 2, "while the pause lasts, nothing is sent");
    }
}

#[tokio::test]
async fn a_limit_that_is_used_up_stops_the_client_before_the_provider_does() {
    let tenant = tenant().await;
    let client = client(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    tenant.set_rate_limit(10, Duration::from_secs(60), true);
    for _ in 0..10 {
        found(&client, ID).await;
    }
    assert!(matches!(client.fetch(ID, None).await, Err(ProviderError::RateLimited { .. })));
    assert_eq!(tenant.requests_for(ID), 10);
}

#[tokio::test]
async fn an_application_without_its_role_is_refused_and_no_user_is_gone() {
    let tenant = tenant().await;
    tenant.put_user(SimulatedUser::new(ID));
    tenant.put_application(Application::new(ENTRA_APP).with_secret(SECRET).with_roles(&["Group.Read.All"]));
    let client = client(&tenant);
    for id in [ID, OTHER] {
        assert_eq!(client.fetch(id, None).await, Err(ProviderError::Unauthorized), "{id}");
    }
    assert_eq!(client.ping().await, Err(ProviderError::Unauthorized));
}
