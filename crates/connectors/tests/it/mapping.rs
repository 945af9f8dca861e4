//! A field that the file maps is read from the record of each vendor, as its simulator (of SCIM: a real server) has it.

use std::sync::Arc;

use connectors::{
    Batches, ChangesFrom, Connected, Fetched, HubSpotClient, MappedField, Mapping, PersonaClient,
    PersonaConfig, Record, SalesforceAuth, SalesforceClient, SalesforceConfig, StripeClient, StripeConfig,
    Vendor,
};
use provider_http::test_server::noting;
use serde_json::{Value, json};
use simulators::auth0::{self, Auth0Simulator};
use simulators::entra;
use simulators::hubspot;
use simulators::identity::{PersonaSimulator, SimulatedPerson, StripeSimulator};
use simulators::okta::{self, OktaSimulator};
use simulators::salesforce::{SalesforceSimulator, SimulatedContact, contact_id};
use testkit::ScimServer;
use time::OffsetDateTime;
use time::macros::date;

use crate::entra_client::{ID as ENTRA_USER, OTHER as ENTRA_OTHER, tenant};
use crate::fixtures::{account, auth0_of, entra_at, okta_at, salesforce_config, scim_of};
use crate::handed_over::{Table, client_of};

fn mapping(field: &str, pointer: &str) -> Mapping {
    let is_address = field == "mailing_address";
    Mapping::new(&[MappedField { field: field.parse().unwrap(), pointer: pointer.to_owned(), is_address }])
}

/// A client that maps `preferred_language` from there.
fn mapped<V: Vendor>(client: V, pointer: &str) -> Connected {
    Arc::new(client.mapped(mapping("preferred_language", pointer)))
}

async fn found(client: &Connected, id: &str, known_etag: Option<&str>) -> Record {
    match client.fetch(id, known_etag).await {
        Ok(Fetched::Found(record)) => *record,
        other => panic!("{id}: {other:?}"),
    }
}

async fn is_read(connector: &str, client: &Connected, id: &str, expected: &str) {
    let record = found(client, id, None).await;
    assert_eq!(record.text("preferred_language"), Some(expected), "{connector}");
    assert_eq!(record.content()["preferred_language"], expected, "{connector}");
    assert!(record.unread.is_empty(), "{connector}: {:?}", record.unread);
    if let Some(batches) = client.batches() {
        let many = batches.fetch_many(&[id.to_owned()]).await.unwrap();
        assert_eq!(many, [Fetched::Found(Box::new(record))], "{connector}");
    }
}

fn person() -> SimulatedPerson {
    SimulatedPerson::new("Mara", "Quill", date!(1984 - 09 - 03))
}

fn stripe_of(account: &StripeSimulator) -> StripeClient {
    let (url, api_key) = (account.base_url().parse().unwrap(), account.api_key().into());
    StripeClient::client(StripeConfig { url, api_key, account: None, date_of_birth: false }, |_| {}).unwrap()
}

fn persona_of(environment: &PersonaSimulator) -> PersonaClient {
    let (url, api_key) = (environment.base_url().parse().unwrap(), environment.api_key().into());
    PersonaClient::client(PersonaConfig { url, api_key }, |_| {}).unwrap()
}

fn salesforce_of(org: &SalesforceSimulator) -> SalesforceClient {
    let (client_id, client_secret) = (org.client_id().into(), org.client_secret().into());
    let auth = SalesforceAuth::ClientCredentials { client_id, client_secret };
    SalesforceClient::client(SalesforceConfig { auth, ..salesforce_config(&org.base_url()) }, |_| {}).unwrap()
}

/// Reads a value that the connector itself does not know.
async fn check(connector: &str) {
    match connector {
        "auth0" => {
            let tenant = Auth0Simulator::start().await;
            tenant.put_user(auth0::SimulatedUser::new("auth0|ada"));
            let client = mapped(auth0_of(&tenant), "/user_metadata/lang");
            is_read(connector, &client, "auth0|ada", "en").await;
        }
        "okta" => {
            let org = OktaSimulator::start().await;
            let user = org.put_user(okta::SimulatedUser::new("00uSimSigne0000h7")).user;
            let client = mapped(okta_at(&org.base_url(), org.api_token()), "/profile/login");
            is_read(connector, &client, &user.id, &user.email).await;
        }
        "entra" => {
            let tenant = tenant().await;
            let job_title = Some(String::from("vi"));
            tenant.put_user(entra::SimulatedUser { job_title, ..entra::SimulatedUser::new(ENTRA_USER) });
            is_read(connector, &mapped(entra_at(&tenant.base_url()), "/jobTitle"), ENTRA_USER, "vi").await;
        }
        "scim" => {
            let server = ScimServer::start().await;
            let user = server.create(&ilse()).await;
            let client = mapped(scim_of(&server), "/preferredLanguage");
            is_read(connector, &client, user["id"].as_str().unwrap(), "es").await;
        }
        "salesforce" => {
            let (org, id) = (SalesforceSimulator::start().await, contact_id(7));
            let preferred_language = Some(String::from("vi"));
            org.put_contact(SimulatedContact { preferred_language, ..SimulatedContact::new(&id) });
            is_read(connector, &mapped(salesforce_of(&org), "/Preferred_Language__c"), &id, "vi").await;
        }
        "hubspot" => {
            let (account, client) = account().await;
            account.put_contact(hubspot::SimulatedContact::new(7001).with("lifecyclestage", "lead"));
            is_read(connector, &mapped(client, "/properties/lifecyclestage"), "7001", "lead").await;
        }
        "stripe" => {
            let account = StripeSimulator::start().await;
            account.put_session("vs_1", None);
            let client = mapped(stripe_of(&account), "/last_verification_report");
            assert_eq!(found(&client, "vs_1", None).await.text("preferred_language"), None);
            account.verify("vs_1", &person());
            is_read(connector, &client, "vs_1", "vr_simulated").await;
            account.redact("vs_1");
            assert_eq!(found(&client, "vs_1", None).await.text("preferred_language"), None, "redacted");
        }
        "persona" => {
            let environment = PersonaSimulator::start().await;
            environment.put_inquiry("inq_1", None);
            let client = mapped(persona_of(&environment), "/relationships/account/data/id");
            assert_eq!(found(&client, "inq_1", None).await.text("preferred_language"), None);
            environment.complete("inq_1", &person());
            environment.approve("inq_1");
            is_read(connector, &client, "inq_1", "act_simulated").await;
            environment.redact("inq_1");
            assert_eq!(found(&client, "inq_1", None).await.text("preferred_language"), None, "redacted");
        }
        // It reads its whole map itself: `rest_client.rs`.
        "rest" => {}
        "handed-over" => {
            let table = Table::of(&[("a", json!({"languages": ["vi"], "email": "a@example.org"}))]);
            let client = client_of(table, mapping("preferred_language", "/languages/0"));
            is_read(connector, &client, "a", "vi").await;
            assert_eq!(found(&client, "a", None).await.text("email"), Some("a@example.org"));
        }
        other => panic!("{other} maps no field here"),
    }
}

fn ilse() -> Value {
    json!({
        "schemas": [CORE, ENTERPRISE],
        "userName": "ilse.brandt@example.org",
        "preferredLanguage": "es",
        "active": true,
        ENTERPRISE: {"costCenter": "4130"},
    })
}

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[tokio::test]
async fn every_connector_reads_a_mapped_field() {
    for connector in connectors::CONNECTORS {
        check(connector.name).await;
    }
}

#[tokio::test]
async fn an_attribute_of_a_scim_extension_is_requested_by_its_full_name() {
    let server = ScimServer::start().await;
    let user = server.create(&ilse()).await;
    let client = mapped(scim_of(&server), &format!("/{ENTERPRISE}/costCenter"));
    is_read("scim", &client, user["id"].as_str().unwrap(), "4130").await;
}

#[tokio::test]
async fn an_address_is_mapped_as_a_whole() {
    let account = StripeSimulator::start().await;
    account.put_session("vs_1", None);
    account.verify("vs_1", &person());
    let client = stripe_of(&account).mapped(mapping("mailing_address", "/verified_outputs/address"));
    let record = found(&(Arc::new(client) as Connected), "vs_1", None).await;
    assert_eq!(record.assertions["mailing_address"]["city"], "Harbor");
}

/// One batch read has the mapped fields of each of its records.
#[tokio::test]
async fn a_batch_has_the_mapped_field_of_each_record() {
    let (account, client) = account().await;
    let client: HubSpotClient = client.mapped(mapping("preferred_language", "/properties/lifecyclestage"));
    for (id, stage) in [(7001, "lead"), (7002, "customer")] {
        account.put_contact(hubspot::SimulatedContact::new(id).with("lifecyclestage", stage));
    }
    let read = client.fetch_many(&["7002".to_owned(), "7001".to_owned()]).await.unwrap();
    let stages = read.iter().map(|fetched| match fetched {
        Fetched::Found(record) => record.text("preferred_language"),
        other => panic!("{other:?}"),
    });
    assert_eq!(stages.collect::<Vec<_>>(), [Some("customer"), Some("lead")]);
}

/// Graph's feed reports changes of the properties that its first request selects.
#[tokio::test]
async fn the_feed_of_entra_selects_a_mapped_property() {
    let (url, asked) = noting(json!({})).await;
    let client = mapped(entra_at(&url), "/jobTitle");
    let read = client.listing().unwrap().changes(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)).await;
    assert!(read.is_err(), "{read:?}");
    let paths = asked.paths();
    assert!(paths.iter().any(|path| path.contains("users/delta") && path.contains("jobTitle")), "{paths:?}");
}

/// A token of the feed goes on with the properties that were selected when it began.
#[tokio::test]
async fn the_feed_of_entra_begins_again_with_another_mapping() {
    let tenant = tenant().await;
    for id in [ENTRA_USER, ENTRA_OTHER] {
        tenant.put_user(entra::SimulatedUser::new(id));
    }
    let plain: Connected = Arc::new(entra_at(&tenant.base_url()));
    let mapped = mapped(entra_at(&tenant.base_url()), "/jobTitle");
    let changes = async |client: &Connected, cursor: &str| {
        let page = client.listing().unwrap().changes(ChangesFrom::Cursor(cursor)).await.unwrap();
        assert!(!page.more);
        (page.ids.len(), page.next)
    };
    let begins = ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH);
    let cursor = plain.listing().unwrap().changes(begins).await.unwrap().next;
    let (count, cursor) = changes(&plain, &cursor).await;
    assert_eq!(count, 0);
    let (count, cursor) = changes(&mapped, &cursor).await;
    assert_eq!(count, 2, "the mapped property is selected from now on");
    tenant.update(ENTRA_USER, |user| user.job_title = Some("Harbour pilot".into()));
    let (count, cursor) = changes(&mapped, &cursor).await;
    assert_eq!(count, 1);
    assert_eq!(changes(&plain, &cursor).await.0, 2, "the mapping was taken out of the file");
}

/// A record that was read by another mapping is read whole, and then again only if it has changed.
#[tokio::test]
async fn an_answer_not_modified_hides_no_new_mapping() {
    let org = OktaSimulator::start().await;
    let id = org.put_user(okta::SimulatedUser::new("00uSimSigne0000h7")).user.id;
    let okta = okta_at(&org.base_url(), org.api_token());
    hides_nothing(okta, &id, "/profile/login").await;

    let server = ScimServer::start().await;
    let user = server.create(&ilse()).await;
    hides_nothing(scim_of(&server), user["id"].as_str().unwrap(), "/preferredLanguage").await;
}

async fn hides_nothing<V: Vendor + Clone>(client: V, id: &str, pointer: &str) {
    let plain: Connected = Arc::new(client.clone());
    let mapped = mapped(client, pointer);
    let before = found(&plain, id, None).await;
    assert_eq!(plain.fetch(id, before.etag.as_deref()).await, Ok(Fetched::NotModified));
    let after = found(&mapped, id, before.etag.as_deref()).await;
    assert!(after.text("preferred_language").is_some());
    assert_eq!(mapped.fetch(id, after.etag.as_deref()).await, Ok(Fetched::NotModified));
    let without = found(&plain, id, after.etag.as_deref()).await;
    assert_eq!(without, before, "the mapping was taken out of the file");
}
