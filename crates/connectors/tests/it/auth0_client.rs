//! The Auth0 client against the simulated tenant.

use std::time::Duration;

use connectors::{Auth0Client, Fetched, ProviderError, Record, Records, SignInIdentity};
use event_contract::Envelope;
use provider_http::test_server::{answering, noting};
use simulators::NativeEvent;
use simulators::auth0::{Auth0Simulator, Change, Fault, SimulatedIdentity, SimulatedUser};

use crate::fixtures::{Parts as _, auth0_at, auth0_of, hints, source};

const ID: &str = "auth0|6720c4d1a9b8e7f605142233";

async fn found(client: &Auth0Client, id: &str) -> Record {
    match client.fetch(id, None).await {
        Ok(Fetched::Found(user)) => *user,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn a_user_is_read_in_full() {
    let tenant = Auth0Simulator::start().await;
    let numeric = SimulatedIdentity::new("github", "github", 90_817_263.into());
    let change = tenant.put_user(SimulatedUser::new(ID).with_person_key("P-7").with_identity(numeric));
    let user = found(&auth0_of(&tenant), ID).await;
    assert_eq!((user.id.as_str(), user.text("email")), (ID, change.user.email.as_deref()));
    assert_eq!(user.text("given_name"), change.user.given_name.as_deref());
    assert_eq!(user.text("family_name"), change.user.family_name.as_deref());
    assert_eq!(user.text("phone"), change.user.phone_number.as_deref());
    assert_eq!(user.external_key.as_deref(), Some("P-7"));
    assert!(user.account().email_verified && !user.account().blocked);
    assert_eq!((user.version_at, user.etag.as_deref()), (Some(change.at), None));
    let github = SignInIdentity {
        provider: "github".into(),
        connection: Some("github".into()),
        subject: "90817263".into(),
    };
    assert_eq!(user.account().identities[1], github);
}

#[tokio::test]
async fn a_user_with_required_fields_only_is_read() {
    let tenant = Auth0Simulator::start().await;
    tenant.put_user(SimulatedUser::new(ID).with_person_key("P-7"));
    tenant.set_fault(Fault::Partial);
    let user = found(&auth0_of(&tenant), ID).await;
    assert_eq!(
        (user.text("email"), user.external_key.as_deref(), user.account().blocked),
        (None, None, false)
    );
    assert!(user.version_at.is_some());
}

#[tokio::test]
async fn a_recorded_user_is_read() {
    let user = include_str!("../fixtures/auth0/user.json");
    let user = found(&auth0_at(&answering(200, &[], user).await), ID).await;
    assert_eq!(user.text("display_name"), Some("Tove Lind"));
    assert_eq!(user.account().identities.len(), 2);
}

#[tokio::test]
async fn blocking_and_deleting_are_seen() {
    let tenant = Auth0Simulator::start().await;
    let client = auth0_of(&tenant);
    let before = tenant.put_user(SimulatedUser::new(ID)).at;
    tenant.block(ID);
    let user = found(&client, ID).await;
    assert!(user.account().blocked && user.version_at.unwrap() > before);
    tenant.delete(ID);
    assert_eq!(client.fetch(ID, None).await, Ok(Fetched::NotFound));
    assert_eq!((tenant.requests_for(ID), tenant.token_requests()), (2, 1));
}

#[tokio::test]
async fn every_event_of_the_tenant_leads_to_its_user() {
    let tenant = Auth0Simulator::start().await;
    let source = source("auth0", auth0_of(&tenant));
    let created = tenant.put_user(SimulatedUser::new(ID));
    let changes = [created, tenant.block(ID), tenant.delete(ID)];
    for change in &changes {
        for event in [Change::stream_event, Change::log_event].map(|make| make(change)) {
            let NativeEvent { source: from, detail, .. } = &event;
            assert!(from.starts_with("aws.partner/auth0.com/") && detail.contains("198.51.100.77"));
            let hints =
                hints(source.read_event(&Envelope::parse(&event.to_envelope_json()).unwrap())).unwrap();
            assert_eq!(hints.iter().map(|hint| hint.id.as_str()).collect::<Vec<_>>(), [ID], "{event:?}");
            let gone = hints[0].removed;
            assert_eq!(gone, change.kind == simulators::auth0::ChangeKind::Deleted);
            assert!(hints[0].not_before.is_some_and(|bound| gone || bound == change.at));
        }
    }
}

#[tokio::test]
async fn a_bare_id_is_looked_up_by_identity() {
    let tenant = Auth0Simulator::start().await;
    let client = auth0_of(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    tenant.put_user(SimulatedUser::new("github|77"));
    tenant.put_user(SimulatedUser::new("auth0|aa").with_identity(SimulatedIdentity::new(
        "x",
        "x",
        4_711.into(),
    )));
    assert_eq!(found(&client, "6720c4d1a9b8e7f605142233").await.id, ID);
    assert_eq!(found(&client, "4711").await.id, "auth0|aa");
    assert_eq!(client.fetch("no-user\"\\", None).await, Ok(Fetched::NotVisible));
    tenant.put_user(SimulatedUser::new("gitlab|77"));
    assert_eq!(client.fetch("77", None).await, Err(ProviderError::Invalid { status: 300 }));
    assert_eq!(tenant.searches(), 4);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_without_the_caller_noticing() {
    let tenant = Auth0Simulator::start().await;
    let client = auth0_of(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    found(&client, ID).await;
    tenant.revoke_tokens();
    found(&client, ID).await;
    assert_eq!(tenant.token_requests(), 2);
    tenant.set_fault(Fault::TokenRefused);
    assert_eq!(client.fetch(ID, None).await, Err(ProviderError::Unauthorized));
    tenant.set_fault(Fault::None);
    assert!(client.ping().await.is_ok());
    assert_eq!(tenant.pings(), 1);
}

#[tokio::test]
async fn a_wrong_secret_is_unauthorized() {
    let tenant = Auth0Simulator::start().await;
    let stranger = auth0_at(&tenant.base_url());
    assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    assert_eq!(tenant.total_requests(), 0);
}

#[tokio::test]
async fn a_used_up_quota_stops_the_client_before_the_provider_does() {
    let tenant = Auth0Simulator::start().await;
    let client = auth0_of(&tenant);
    tenant.put_user(SimulatedUser::new(ID));
    tenant.set_rate_limit(3, Duration::from_secs(60));
    for _ in 0..3 {
        found(&client, ID).await;
    }
    for _ in 0..5 {
        assert!(matches!(client.fetch(ID, None).await, Err(ProviderError::RateLimited { .. })));
    }
    assert_eq!(tenant.requests_for(ID), 3);
}

/// A user may have 16 MB of metadata.
#[tokio::test]
async fn only_the_fields_that_are_kept_are_asked_for() {
    let user = include_str!("../fixtures/auth0/user.json");
    let (url, asked) = noting(serde_json::from_str(user).unwrap()).await;
    found(&auth0_at(&url), ID).await;
    let path = asked.paths().remove(0);
    assert!(
        path.contains("fields=user_id%2Cemail%2Cemail_verified%2C") && path.contains("include_fields=true"),
        "{path}"
    );
    assert!(path.contains("%2Cblocked%2Capp_metadata%2Cidentities%2Cupdated_at&"), "{path}");
    assert!(!path.contains("user_metadata"), "{path}");
}
