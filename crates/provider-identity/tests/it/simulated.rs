//! The clients against the simulated vendors.

use std::time::Duration;

use event_contract::Envelope;
use provider_http::{Absence, Outage};
use provider_identity::{
    FetchedCase, IdentityClient, IdentityProvider, PersonaClient, PersonaConfig, ProviderError, RecordHint,
    StripeClient, StripeConfig, VerificationCase, VerificationStatus as Status,
};
use simulators::identity::{
    Fault, IdentityControl, Persona, PersonaSimulator, SimulatedPerson, Stripe, StripeSimulator, Vendor,
};
use time::macros::date;

fn mara() -> SimulatedPerson {
    SimulatedPerson::new("Mara", "Quill", date!(1984 - 09 - 03))
}

fn stripe(account: &IdentityControl<Stripe>) -> IdentityClient {
    let config = StripeConfig {
        base_url: account.base_url().parse().unwrap(),
        api_key: account.api_key().into(),
        account: None,
        date_of_birth: false,
    };
    IdentityClient::Stripe(StripeClient::new(config, |_| {}).unwrap())
}

fn persona(environment: &IdentityControl<Persona>) -> IdentityClient {
    let (base_url, api_key) = (environment.base_url().parse().unwrap(), environment.api_key().into());
    IdentityClient::Persona(PersonaClient::new(PersonaConfig { base_url, api_key }, |_| {}).unwrap())
}

async fn found(client: &IdentityClient, id: &str) -> VerificationCase {
    match client.fetch_case(id).await {
        Ok(FetchedCase::Found(case)) => *case,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn a_session_is_followed_from_its_creation_to_its_redaction() {
    let account = StripeSimulator::start().await;
    let client = stripe(&account);
    let change = account.put_session("vs_1", Some("P-7"));
    let event = Envelope::parse(&change.partner_event().to_envelope_json()).unwrap();
    assert_eq!(client.read_event(&event), Ok(vec![RecordHint::changed("vs_1".into())]));
    assert_eq!(found(&client, "vs_1").await.verification_status, Status::NeedsInput);
    account.process("vs_1");
    assert_eq!(found(&client, "vs_1").await.verification_status, Status::InProgress);
    account.refuse("vs_1", "document_expired");
    assert_eq!(found(&client, "vs_1").await.verification_status, Status::NeedsInput);
    account.verify("vs_1", &mara());
    let verified = found(&client, "vs_1").await;
    assert_eq!(verified.verification_status, Status::Verified);
    assert_eq!((verified.given_name.as_deref(), verified.email), (Some("Mara"), Some(mara().email)));
    // It would have to be requested separately, with a key that may see it.
    assert_eq!(verified.birthdate, None);
    account.begin_redaction("vs_1");
    assert_eq!(found(&client, "vs_1").await.verification_status, Status::Redacted);
    account.redact("vs_1");
    let redacted = found(&client, "vs_1").await;
    assert_eq!((redacted.verification_status, redacted.given_name), (Status::Redacted, None));
    account.put_session("vs_2", None);
    account.cancel("vs_2");
    assert_eq!(found(&client, "vs_2").await.verification_status, Status::Expired);
}

#[tokio::test]
async fn an_inquiry_is_followed_from_its_creation_to_its_redaction() {
    let environment = PersonaSimulator::start().await;
    let client = persona(&environment);
    environment.put_inquiry("inq_1", Some("P-7"));
    assert_eq!(found(&client, "inq_1").await.verification_status, Status::NotStarted);
    environment.start_inquiry("inq_1");
    assert_eq!(found(&client, "inq_1").await.verification_status, Status::InProgress);
    environment.complete("inq_1", &mara());
    let complete = found(&client, "inq_1").await;
    assert_eq!((complete.verification_status, complete.given_name), (Status::InReview, None));
    let change = environment.approve("inq_1");
    let approved = found(&client, "inq_1").await;
    assert_eq!(approved.verification_status, Status::Verified);
    assert_eq!((approved.birthdate.as_deref(), approved.email), (Some("1984-09-03"), None));
    let event = Envelope::parse(&change.ingress_event().to_envelope_json()).unwrap();
    let hint = RecordHint { not_before: approved.version, ..RecordHint::changed("inq_1".into()) };
    assert_eq!(client.read_event(&event), Ok(vec![hint]));
    assert!(approved.version.is_some() && approved.decided_at == approved.version);
    environment.redact("inq_1");
    let redacted = found(&client, "inq_1").await;
    assert_eq!((redacted.verification_status, redacted.birthdate), (Status::Redacted, None));
    assert_eq!(redacted.external_key.as_deref(), Some("P-7"));
}

/// Every fault of a vendor whose case "case" was changed once.
async fn every_fault_is_seen_as_what_it_is<V: Vendor>(control: &IdentityControl<V>, client: IdentityClient) {
    let current = client.fetch_case("case").await.unwrap();
    control.set_fault(Fault::Stale);
    assert_ne!(client.fetch_case("case").await.unwrap(), current);
    control.set_fault(Fault::Slow(Duration::from_millis(20)));
    assert_eq!(client.fetch_case("case").await.unwrap(), current);
    control.set_fault(Fault::Partial);
    let partial = found(&client, "case").await;
    assert_eq!((partial.external_key, partial.given_name), (None, None));
    control.set_fault(Fault::Down);
    let down = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!((client.fetch_case("case").await, client.ping().await), (Err(down.clone()), Err(down)));
    control.set_fault(Fault::WrongJson);
    let outcomes = (client.fetch_case("case").await, client.ping().await);
    let malformed = |error| matches!(error, ProviderError::Malformed { .. });
    assert!(outcomes.0.is_err_and(malformed) && outcomes.1.is_err_and(malformed));
    control.set_fault(Fault::None);
    control.set_status("case", Some(403));
    assert_eq!(client.fetch_case("case").await, Err(ProviderError::Unauthorized));
    assert_eq!(client.ping().await, Ok(()));
    control.delete("case");
    control.set_status("case", None);
    assert_eq!(client.fetch_case("case").await, Ok(FetchedCase::Absent(Absence::NotFound)));
    control.set_fault(Fault::RateLimited { reset_secs: 17 });
    assert!(matches!(client.ping().await, Err(ProviderError::RateLimited { .. })));
    assert_eq!((control.requests_for("case"), control.pings(), control.total_requests()), (8, 4, 12));
}

#[tokio::test]
async fn every_fault_of_stripe_has_its_error() {
    let account = StripeSimulator::start().await;
    account.put_session("case", None);
    account.process("case");
    every_fault_is_seen_as_what_it_is(&account, stripe(&account)).await;
}

#[tokio::test]
async fn every_fault_of_persona_has_its_error() {
    let environment = PersonaSimulator::start().await;
    environment.put_inquiry("case", None);
    environment.mark_for_review("case");
    every_fault_is_seen_as_what_it_is(&environment, persona(&environment)).await;
}

#[tokio::test]
async fn a_wrong_key_and_a_closed_port_have_their_errors() {
    let mut account = StripeSimulator::start().await;
    let config = StripeConfig {
        base_url: account.base_url().parse().unwrap(),
        api_key: "rk_other".into(),
        account: None,
        date_of_birth: false,
    };
    let stranger = StripeClient::new(config, |_| {}).unwrap();
    assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    let client = stripe(&account);
    account.refuse_connections().await;
    assert!(matches!(client.ping().await, Err(ProviderError::Unavailable { .. })));
    account.accept_connections().await;
    assert_eq!(client.ping().await, Ok(()));
}
