//! The clients against the simulated vendors.

use std::time::Duration;

use connectors::{
    Connected, Fetched, Outage, PersonaClient, PersonaConfig, ProviderError, Record, RecordHint,
    StripeClient, StripeConfig, VerificationStatus as Status,
};
use event_contract::Envelope;
use simulators::identity::{
    Fault, IdentityControl, Persona, PersonaSimulator, SimulatedPerson, Stripe, StripeSimulator, Vendor,
};
use time::macros::date;

use crate::fixtures::{Parts as _, connected, hints, source_of};

fn mara() -> SimulatedPerson {
    SimulatedPerson::new("Mara", "Quill", date!(1984 - 09 - 03))
}

fn stripe(account: &IdentityControl<Stripe>) -> Connected {
    stripe_with_key(account, account.api_key())
}

fn stripe_with_key(account: &IdentityControl<Stripe>, key: &str) -> Connected {
    let (url, api_key) = (account.base_url().parse().unwrap(), key.into());
    connected::<StripeClient>(StripeConfig { url, api_key, account: None, date_of_birth: false })
}

fn persona(environment: &IdentityControl<Persona>) -> Connected {
    let (url, api_key) = (environment.base_url().parse().unwrap(), environment.api_key().into());
    connected::<PersonaClient>(PersonaConfig { url, api_key })
}

async fn found(client: &Connected, id: &str) -> Record {
    match client.fetch(id, None).await {
        Ok(Fetched::Found(case)) => *case,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn a_session_is_followed_from_its_creation_to_its_redaction() {
    let account = StripeSimulator::start().await;
    let client = stripe(&account);
    let change = account.put_session("vs_1", Some("P-7"));
    let event = Envelope::parse(&change.partner_event().to_envelope_json()).unwrap();
    assert_eq!(
        hints(source_of("stripe", client.clone()).read_event(&event)),
        Ok(vec![RecordHint::changed("vs_1".into())])
    );
    assert_eq!(found(&client, "vs_1").await.verification().status, Status::NeedsInput);
    account.process("vs_1");
    assert_eq!(found(&client, "vs_1").await.verification().status, Status::InProgress);
    account.refuse("vs_1", "document_expired");
    assert_eq!(found(&client, "vs_1").await.verification().status, Status::NeedsInput);
    account.verify("vs_1", &mara());
    let verified = found(&client, "vs_1").await;
    assert_eq!(verified.verification().status, Status::Verified);
    assert_eq!(
        (verified.text("given_name"), verified.text("email")),
        (Some("Mara"), Some(mara().email.as_str()))
    );
    // It would have to be requested separately, with a key that may see it.
    assert_eq!(verified.text("birthdate"), None);
    account.begin_redaction("vs_1");
    assert_eq!(found(&client, "vs_1").await.verification().status, Status::Redacted);
    account.redact("vs_1");
    let redacted = found(&client, "vs_1").await;
    assert_eq!((redacted.verification().status, redacted.text("given_name")), (Status::Redacted, None));
    account.put_session("vs_2", None);
    account.cancel("vs_2");
    assert_eq!(found(&client, "vs_2").await.verification().status, Status::Expired);
}

#[tokio::test]
async fn an_inquiry_is_followed_from_its_creation_to_its_redaction() {
    let environment = PersonaSimulator::start().await;
    let client = persona(&environment);
    environment.put_inquiry("inq_1", Some("P-7"));
    assert_eq!(found(&client, "inq_1").await.verification().status, Status::NotStarted);
    environment.start_inquiry("inq_1");
    assert_eq!(found(&client, "inq_1").await.verification().status, Status::InProgress);
    environment.complete("inq_1", &mara());
    let complete = found(&client, "inq_1").await;
    assert_eq!((complete.verification().status, complete.text("given_name")), (Status::InReview, None));
    let change = environment.approve("inq_1");
    let approved = found(&client, "inq_1").await;
    assert_eq!(approved.verification().status, Status::Verified);
    assert_eq!((approved.text("birthdate"), approved.text("email")), (Some("1984-09-03"), None));
    let event = Envelope::parse(&change.ingress_event().to_envelope_json()).unwrap();
    let hint = RecordHint { not_before: approved.version_at, ..RecordHint::changed("inq_1".into()) };
    assert_eq!(hints(source_of("persona", client.clone()).read_event(&event)), Ok(vec![hint]));
    assert!(approved.version_at.is_some() && approved.verification().decided_at == approved.version_at);
    environment.redact("inq_1");
    let redacted = found(&client, "inq_1").await;
    assert_eq!((redacted.verification().status, redacted.text("birthdate")), (Status::Redacted, None));
    assert_eq!(redacted.external_key.as_deref(), Some("P-7"));
}

/// Every fault of a vendor whose case "case" was changed once.
async fn every_fault_is_seen_as_what_it_is<V: Vendor>(control: &IdentityControl<V>, client: Connected) {
    let current = client.fetch("case", None).await.unwrap();
    control.set_fault(Fault::Stale);
    assert_ne!(client.fetch("case", None).await.unwrap(), current);
    control.set_fault(Fault::Slow(Duration::from_millis(20)));
    assert_eq!(client.fetch("case", None).await.unwrap(), current);
    control.set_fault(Fault::Partial);
    let partial = found(&client, "case").await;
    assert_eq!((partial.external_key.as_deref(), partial.text("given_name")), (None, None));
    control.set_fault(Fault::Down);
    let down = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!((client.fetch("case", None).await, client.ping().await), (Err(down.clone()), Err(down)));
    control.set_fault(Fault::WrongJson);
    let outcomes = (client.fetch("case", None).await, client.ping().await);
    let malformed = |error| matches!(error, ProviderError::Malformed { .. });
    assert!(outcomes.0.is_err_and(malformed) && outcomes.1.is_err_and(malformed));
    control.set_fault(Fault::None);
    control.set_status("case", Some(403));
    assert_eq!(client.fetch("case", None).await, Err(ProviderError::Unauthorized));
    assert_eq!(client.ping().await, Ok(()));
    control.delete("case");
    control.set_status("case", None);
    assert_eq!(client.fetch("case", None).await, Ok(Fetched::NotFound));
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
    let stranger = stripe_with_key(&account, "rk_other");
    assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    let client = stripe(&account);
    account.refuse_connections().await;
    assert!(matches!(client.ping().await, Err(ProviderError::Unavailable { .. })));
    account.accept_connections().await;
    assert_eq!(client.ping().await, Ok(()));
}
