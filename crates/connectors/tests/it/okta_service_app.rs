//! The Okta client as a service app: it signs token requests, and its tokens give access to their scopes.

use std::sync::LazyLock;

use connectors::{Fetched, OktaAuth, OktaClient, OktaConfig, ProviderError, Records, SignIns, Vendor};
use provider_http::TestKey;
use simulators::okta::{Fault, OktaSimulator, ServiceApp, SimulatedUser};

const ID: &str = "00uSimSigne0000h7";
const APP: &str = "0oaSimCoppice00h7";

static KEY: LazyLock<TestKey> = LazyLock::new(TestKey::generate);

fn client(org: &OktaSimulator, client_id: &str, key: &TestKey) -> OktaClient {
    let auth =
        OktaAuth::PrivateKey { client_id: client_id.into(), private_key: key.private_pem.as_str().into() };
    OktaClient::client(OktaConfig { url: org.base_url().parse().unwrap(), auth }, |_| {}).unwrap()
}

/// An organization with our app and one user.
async fn organization() -> OktaSimulator {
    let org = OktaSimulator::start().await;
    org.put_service_app(ServiceApp::new(APP, &KEY.public_pem));
    org.put_user(SimulatedUser::new(ID));
    org
}

async fn is_found(client: &OktaClient) -> bool {
    matches!(client.fetch(ID, None).await, Ok(Fetched::Found(user)) if user.id == ID)
}

#[tokio::test]
async fn one_token_gives_access_to_users_and_to_the_log() {
    let org = organization().await;
    let client = client(&org, APP, &KEY);
    assert!(is_found(&client).await);
    assert_eq!(client.list_users(None).await.unwrap().items, [ID]);
    let event_id = "0b7a3d6e-9f51";
    assert_eq!(client.fetch_sign_in(event_id).await, Ok(connectors::FoundSignIn::Missing));
    assert_eq!(client.ping().await, Ok(()));
    assert_eq!((org.token_requests(), org.total_requests()), (1, 4));
}

#[tokio::test]
async fn a_token_that_has_expired_is_minted_again() {
    let org = organization().await;
    let client = client(&org, APP, &KEY);
    assert!(is_found(&client).await);
    org.expire_tokens();
    assert!(is_found(&client).await);
    assert_eq!((org.token_requests(), org.requests_for(ID)), (2, 3), "refused once, with the old token");
}

#[tokio::test]
async fn a_client_with_another_key_gets_no_token_and_sends_no_call() {
    let org = organization().await;
    let stranger = TestKey::generate();
    for (client_id, key) in [(APP, &stranger), ("0oaSimOther0000h7", &*KEY)] {
        let client = client(&org, client_id, key);
        assert_eq!(client.fetch(ID, None).await, Err(ProviderError::Unauthorized), "{client_id}");
    }
    assert_eq!((org.token_requests(), org.total_requests()), (2, 0));
}

#[tokio::test]
async fn an_app_without_one_of_the_scopes_gets_no_token() {
    let org = organization().await;
    for scope in ["okta.users.read", "okta.logs.read"] {
        let scopes = vec![scope.to_owned()];
        org.put_service_app(ServiceApp { scopes, ..ServiceApp::new(APP, &KEY.public_pem) });
        assert_eq!(client(&org, APP, &KEY).ping().await, Err(ProviderError::Unauthorized), "{scope}");
    }
    assert_eq!(org.total_requests(), 0);
}

#[tokio::test]
async fn an_organization_that_is_down_is_an_outage_and_no_refusal() {
    let org = organization().await;
    let client = client(&org, APP, &KEY);
    org.set_fault(Fault::Down);
    assert!(matches!(client.ping().await, Err(ProviderError::Unavailable { .. })));
    org.set_fault(Fault::None);
    assert_eq!(client.ping().await, Ok(()));
}
