//! Records that were handed over. The promises of the conformance suite that are not about HTTP, kept by a client that reads a table.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connectors::{
    ChangePlace, ChangesFrom, Connected, Fetched, HandedOver, HandedOverClient, ListedRecord, Mapping,
    Outage, ProviderError, Record, RecordTable, Records, TableUnavailable, handed_over,
};
use provider_webhook::{HeaderMap, Keys, Secrets, SignedRequest, VerifyError};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::fixtures::found;

const PERSONAL: &str = "mara.quill@example.org";
const RECEIVED: OffsetDateTime = datetime!(2026-11-20 8:00 UTC);

/// A table in memory. `None`: it does not answer.
#[derive(Default)]
pub(crate) struct Table(Mutex<Option<Vec<HandedOver>>>);

impl Table {
    pub(crate) fn of(rows: &[(&str, Value)]) -> Arc<Self> {
        let row = |(id, content): &(&str, Value)| HandedOver {
            id: (*id).to_owned(),
            version_at: Some(RECEIVED),
            content: Some(content.clone()).filter(|content| !content.is_null()),
        };
        Arc::new(Self(Mutex::new(Some(rows.iter().map(row).collect()))))
    }

    fn rows(&self) -> Result<Vec<HandedOver>, TableUnavailable> {
        let mut rows = self.0.lock().unwrap().clone().ok_or(TableUnavailable)?;
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(rows)
    }
}

#[async_trait]
impl RecordTable for Table {
    async fn fetch_many(&self, ids: &[String]) -> Result<Vec<HandedOver>, TableUnavailable> {
        Ok(self.rows()?.into_iter().filter(|row| ids.contains(&row.id)).rev().collect())
    }

    async fn list(&self, after: Option<&str>, limit: u32) -> Result<Vec<ListedRecord>, TableUnavailable> {
        let rows = self.rows()?.into_iter().filter(|row| row.content.is_some());
        let behind = rows.filter(|row| after.is_none_or(|after| row.id.as_str() > after));
        let listed = behind.map(|row| ListedRecord { id: row.id, version: row.version_at });
        Ok(listed.take(limit as usize).collect())
    }

    async fn changed_since(
        &self,
        place: &ChangePlace,
        limit: u32,
    ) -> Result<Vec<ChangePlace>, TableUnavailable> {
        let places = self.rows()?.into_iter().map(|row| ChangePlace { received_at: RECEIVED, id: row.id });
        Ok(places.filter(|other| other > place).take(limit as usize).collect())
    }
}

/// A client of a table.
pub(crate) fn client_of(table: Arc<dyn RecordTable>, mapping: Mapping) -> Connected {
    let client = HandedOverClient::new(mapping);
    client.table().unwrap().read_from(table);
    Arc::new(client)
}

pub(crate) fn plain(table: Arc<dyn RecordTable>) -> Connected {
    client_of(table, Mapping::default())
}

/// A record with every standard name, as its connector reads it.
pub(crate) async fn standard() -> Record {
    let content = json!({
        "given_name": "Mara", "family_name": "Quill", "display_name": "Mara Quill", "email": PERSONAL,
        "phone": "+15550100188", "birthdate": "1984-09-03", "external_key": "P-000481",
        "mailing_address": {"street": "12 Quarry Lane", "city": "Port Ellery"}, "shoe_size": 38,
    });
    found(&plain(Table::of(&[("county-1", content)])), "county-1").await
}

#[tokio::test]
async fn a_row_that_is_not_there_is_missing_and_only_a_removed_one_is_gone() {
    let client = plain(Table::of(&[("a", json!({"given_name": "Mara"})), ("b", Value::Null)]));
    let ids = ["b", "..", "", "a", "c"].map(str::to_owned);
    let many = client.batches().unwrap().fetch_many(&ids).await.unwrap();
    let gone = Fetched::Gone { merged_into: None };
    assert_eq!(many[..3], [gone.clone(), Fetched::NotVisible, Fetched::NotVisible]);
    assert!(
        matches!(&many[3], Fetched::Found(record) if record.id == "a" && record.version_at == Some(RECEIVED))
    );
    assert_eq!(many[4], Fetched::NotVisible);
    assert_eq!(many.len(), 5);
    assert_eq!(client.fetch("b", None).await, Ok(gone));
    assert_eq!(client.fetch("c", None).await, Ok(Fetched::NotVisible));
}

#[tokio::test]
async fn without_an_answer_nothing_is_said_of_any_record() {
    let down = Err(ProviderError::Unavailable { cause: Outage::Connect, retry_after: None });
    let without: Connected = Arc::new(HandedOverClient::new(Mapping::default()));
    for client in [without, plain(Arc::new(Table::default()))] {
        assert_eq!(client.fetch("a", None).await, down.clone().map(|()| Fetched::NotVisible));
        assert_eq!(client.ping().await, down);
        let listing = client.listing().unwrap();
        assert!(listing.list(None).await.is_err(), "it is no empty list");
        assert!(listing.changes(ChangesFrom::Time(RECEIVED)).await.is_err(), "it is no empty feed");
    }
    assert_eq!(plain(Table::of(&[])).ping().await, Ok(()));
}

#[tokio::test]
async fn values_stand_under_the_names_of_their_fields_in_any_case() {
    let lower = standard().await;
    assert_eq!(lower.text("email"), Some(PERSONAL));
    let upper = json!({"GIVEN_NAME": "Mara", "External_Key": 481, "phone": {"mobile": "+1"}});
    let record = found(&plain(Table::of(&[("a", upper)])), "a").await;
    assert_eq!((record.text("given_name"), record.external_key.as_deref()), (Some("Mara"), Some("481")));
    assert_eq!(record.unread.concat(), "phone", "what cannot be read is not empty");
    let printed = format!("{lower:?} {record:?}");
    assert!(!printed.contains("Mara") && !printed.contains(PERSONAL), "{printed}");
}

#[tokio::test]
async fn content_that_is_no_object_is_malformed() {
    for content in [json!([]), json!("mara"), json!(7)] {
        let fetched = plain(Table::of(&[("a", content)])).fetch("a", None).await;
        assert_eq!(fetched, Err(ProviderError::WHOLE_REPLY_MALFORMED));
    }
}

#[tokio::test]
async fn a_listing_and_a_feed_have_each_record_once_over_all_pages() {
    let rows: Vec<(String, Value)> =
        (0..1203).map(|n| (format!("{n:05}"), if n % 3 == 0 { Value::Null } else { json!({}) })).collect();
    let rows: Vec<(&str, Value)> = rows.iter().map(|(id, content)| (id.as_str(), content.clone())).collect();
    let client = plain(Table::of(&rows));
    let listing = client.listing().unwrap();
    let (mut listed, mut next) = (Vec::new(), None);
    loop {
        let page = listing.list(next.as_deref()).await.unwrap();
        assert_eq!(page.doubt, None);
        listed.extend(page.records.into_iter().map(|record| record.id));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let there = rows.iter().filter(|(_, content)| !content.is_null()).map(|(id, _)| *id);
    assert_eq!(listed, there.collect::<Vec<_>>());

    let mut page = listing.changes(ChangesFrom::Time(RECEIVED - time::Duration::DAY)).await.unwrap();
    let mut changed = page.ids;
    while page.more {
        page = listing.changes(ChangesFrom::Cursor(&page.next)).await.unwrap();
        changed.extend(page.ids.clone());
    }
    assert_eq!(changed, rows.iter().map(|(id, _)| *id).collect::<Vec<_>>(), "removed ones, too");
    let again = listing.changes(ChangesFrom::Cursor(&page.next)).await.unwrap();
    assert_eq!((again.ids.len(), again.next), (0, page.next));

    assert!(listing.list(Some("no cursor of ours")).await.is_err(), "it must not begin again");
    assert!(listing.changes(ChangesFrom::Cursor("")).await.is_err());
}

#[tokio::test]
async fn it_offers_batches_and_a_listing_and_accepts_no_values() {
    let client = plain(Table::of(&[]));
    assert!(client.batches().is_some() && client.listing().is_some() && client.table().is_some());
    assert!(client.push().is_none() && client.sign_ins().is_none() && client.subscriptions().is_none());
    assert!(handed_over::CONNECTOR.takes.is_none() && handed_over::CONNECTOR.is_handed_over());
    let others = connectors::CONNECTORS.iter().filter(|connector| connector.is_handed_over());
    assert_eq!(others.count(), 1);
}

/// Computed with `openssl dgst -sha256 -hmac`.
const SIGNED: &str = "sha256=d0f684aa109f9241c0a065a7e554794464988119426d569ad5a7a5887b55ca78";

#[test]
fn the_signature_covers_the_method_the_path_with_its_query_and_the_body() {
    let secrets = Secrets::read_list("0123456789abcdef-secret", Keys::Text).unwrap();
    let verify = |method: &str, path: &str, signature: Option<&str>, body: &[u8]| {
        let mut headers = HeaderMap::new();
        if let Some(signature) = signature {
            headers.insert("x-coppice-signature", signature.parse().unwrap());
        }
        let request = SignedRequest { method, url: "", path, headers: &headers, body };
        handed_over::WEBHOOK.verify(&request, &secrets, RECEIVED)
    };
    let (path, body) = ("/sources/county/records/a%2Fb?version=7", br#"{"given_name":"Mara"}"#);
    assert_eq!(verify("PUT", path, Some(SIGNED), body), Ok(()));
    let bare = SIGNED.trim_start_matches("sha256=");
    for (what, result) in [
        ("method", verify("DELETE", path, Some(SIGNED), body)),
        ("path", verify("PUT", "/sources/county/records/a/b?version=7", Some(SIGNED), body)),
        ("query", verify("PUT", "/sources/county/records/a%2Fb?version=8", Some(SIGNED), body)),
        ("body", verify("PUT", path, Some(SIGNED), b"{}")),
        ("no header", verify("PUT", path, None, body)),
        ("no prefix", verify("PUT", path, Some(bare), body)),
        ("half", verify("PUT", path, Some(&SIGNED[..40]), body)),
        ("no hex", verify("PUT", path, Some("sha256=x"), body)),
    ] {
        assert_eq!(result, Err(VerifyError::Signature), "{what}");
    }
}
