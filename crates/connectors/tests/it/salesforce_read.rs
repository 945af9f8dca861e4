//! Contacts by ID: in order, complete, and none confused with another.

use connectors::{Fetched, Outage, ProviderError, Record, Records};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::fixtures::{MARA, OTTO, assertions, salesforce_at};
use crate::server::{Asked, Server, reply};

const RETRIEVE: &str = "POST /services/data/v60.0/composite/sobjects/Contact";
const QUERY_ALL: &str = "GET /services/data/v60.0/queryAll";
/// A third contact.
const THIRD: &str = "003000000000003AAA";
const GONE: Fetched = Fetched::Gone { merged_into: None };
const HIDDEN: Fetched = Fetched::NotVisible;
/// The error for a reply that does not answer the request.
const MALFORMED: ProviderError = ProviderError::WHOLE_REPLY_MALFORMED;

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// A contact as Salesforce writes it.
fn contact(id: &str) -> Value {
    json!({"attributes": {"type": "Contact", "url": format!("/services/data/v60.0/sobjects/Contact/{id}")},
        "Id": id, "Person_Key__c": "P-000731", "FirstName": "Mara", "LastName": "Ostrander",
        "Email": "mara.ostrander@example.org", "Phone": "+1 555 0100 188", "Birthdate": "1988-04-09",
        "MailingStreet": "12 Quarry Lane", "MailingCity": "Port Ellery", "MailingState": null,
        "MailingPostalCode": "00417", "MailingCountry": null, "SystemModstamp": "2026-11-20T15:10:42.000+0000"})
}

fn trace(id: &str, deleted: bool, master: Option<&str>) -> Value {
    json!({"attributes": {"type": "Contact"}, "Id": id, "IsDeleted": deleted, "MasterRecordId": master})
}

fn traces(records: &[Value]) -> Value {
    json!({"totalSize": records.len(), "done": true, "records": records})
}

/// Answers the batch read with the contacts that are in `living`.
fn retrieved(asked: &Asked, living: &[&str]) -> axum::response::Response {
    let asked = asked.body["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
    let found: Vec<Value> =
        asked.map(|id| if living.contains(&id) { contact(id) } else { Value::Null }).collect();
    reply(200, &json!(found))
}

/// A server with these contacts, and these remains of others.
async fn org(living: &'static [&'static str], left: Vec<Value>) -> Server {
    Server::start(move |_, asked| match asked.line.as_str() {
        RETRIEVE => retrieved(asked, living),
        QUERY_ALL => reply(200, &traces(&left)),
        other => panic!("{other}"),
    })
    .await
}

fn id_of(fetched: &Fetched) -> Option<&str> {
    match fetched {
        Fetched::Found(contact) => Some(&contact.id),
        _ => None,
    }
}

#[tokio::test]
async fn a_contact_is_read_in_full() {
    let server = org(&[MARA], vec![]).await;
    let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[MARA])).await.unwrap();
    let expected = Record {
        id: MARA.into(),
        version_at: Some(OffsetDateTime::from_unix_timestamp(1_795_187_442).unwrap()),
        etag: None,
        external_key: Some("P-000731".into()),
        assertions: assertions(json!({"given_name": "Mara", "family_name": "Ostrander",
            "email": "mara.ostrander@example.org", "phone": "+1 555 0100 188", "birthdate": "1988-04-09",
            "mailing_address": {"street": "12 Quarry Lane", "city": "Port Ellery", "region": null,
                "postal_code": "00417", "country": null}})),
        account: None,
        verification: None,
        unread: vec![],
    };
    assert_eq!(fetched, [Fetched::Found(Box::new(expected))]);
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].line.as_str()), (1, RETRIEVE));
    assert!(asked[0].body["fields"].as_array().unwrap().contains(&json!("SystemModstamp")));
}

#[tokio::test]
async fn a_contact_with_required_fields_only_is_read() {
    let server = Server::start(|_, _| reply(200, &json!([{"Id": MARA, "MailingCity": null}]))).await;
    let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[MARA])).await.unwrap();
    let [Fetched::Found(contact)] = &fetched[..] else { panic!("{fetched:?}") };
    assert_eq!(contact.assertions["mailing_address"], Value::Null);
    assert_eq!((contact.version_at, contact.text("email")), (None, None));
}

#[tokio::test]
async fn answers_have_the_order_of_the_ids() {
    let server = org(&[MARA, THIRD], vec![]).await;
    let asked = ids(&[THIRD, "mara'", OTTO, MARA, "0037Q00000HbKmT", THIRD]);
    let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&asked).await.unwrap();
    let found: Vec<_> = fetched.iter().map(id_of).collect();
    assert_eq!(found, [Some(THIRD), None, None, Some(MARA), Some(MARA), Some(THIRD)]);
    let requests = server.asked();
    assert_eq!(requests[0].body["ids"], json!([THIRD, OTTO, MARA]), "each is requested once");
    let query = format!("SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE Id IN ('{OTTO}')");
    assert_eq!((requests.len(), requests[1].query.as_str()), (2, query.as_str()));
}

#[tokio::test]
async fn a_merged_contact_names_the_one_that_is_left() {
    let left = vec![trace(OTTO, true, Some("0037Q00000HbKmT")), trace(THIRD, true, None)];
    let server = org(&[MARA], left).await;
    let asked = ids(&[OTTO, MARA, THIRD, "003000000000004AAA"]);
    let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&asked).await.unwrap();
    assert_eq!(fetched[0], Fetched::Gone { merged_into: Some(MARA.into()) });
    assert_eq!(id_of(&fetched[1]), Some(MARA));
    assert_eq!(fetched[2..], [GONE, HIDDEN], "deleted, and never there or hidden");
}

#[tokio::test]
async fn a_winner_that_cannot_be_read_is_not_a_deletion() {
    for master in [json!("mara"), json!("0015f00000AbCdE"), json!({"Id": OTTO}), json!([OTTO, THIRD])] {
        let mut merged = trace(MARA, true, None);
        merged["MasterRecordId"] = master.clone();
        let server = org(&[], vec![merged]).await;
        let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[MARA])).await;
        assert_eq!(fetched, Err(ProviderError::Unreadable { field: "MasterRecordId" }), "{master}");
    }
}

#[tokio::test]
async fn a_contact_restored_between_the_two_calls_is_read_again() {
    let server = Server::start(|number, asked| match number {
        2 => reply(200, &traces(&[trace(OTTO, false, None)])),
        1 => retrieved(asked, &[]),
        _ => retrieved(asked, &[OTTO]),
    })
    .await;
    let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[OTTO])).await.unwrap();
    assert_eq!((id_of(&fetched[0]), server.asked().len()), (Some(OTTO), 3));
    let never = org(&[], vec![trace(OTTO, false, None)]).await;
    let again = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!(
        salesforce_at(&never.url).batches().unwrap().fetch_many(&ids(&[OTTO])).await,
        Err(again),
        "it comes and goes"
    );
}

#[tokio::test]
async fn a_text_that_is_no_contact_s_id_is_gone_and_not_sent() {
    let server = org(&[], vec![]).await;
    let client = salesforce_at(&server.url);
    assert_eq!(client.batches().unwrap().fetch_many(&[]).await, Ok(vec![]));
    let asked = ids(&["", "..", "003') OR (Id != '", "0017Q00000HbKmT", "0037Q00000HbKmTAAA", "00\u{e9}"]);
    assert_eq!(client.batches().unwrap().fetch_many(&asked).await, Ok(vec![HIDDEN; 6]));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn many_contacts_are_read_in_several_calls() {
    let server = org(&[], vec![]).await;
    let asked: Vec<String> = (0..2500).map(|number| format!("003{number:012}AAA")).collect();
    assert_eq!(
        salesforce_at(&server.url).batches().unwrap().fetch_many(&asked).await,
        Ok(vec![HIDDEN; 2500])
    );
    let requests = server.asked();
    let retrieves = requests.iter().filter(|asked| asked.line == RETRIEVE);
    let sizes: Vec<_> = retrieves.map(|asked| asked.body["ids"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [2000, 500]);
    let queries = requests.iter().filter(|asked| asked.line == QUERY_ALL);
    let sizes: Vec<_> = queries.map(|asked| asked.query.matches("'003").count()).collect();
    assert_eq!(sizes, [400, 400, 400, 400, 400, 400, 100]);
}

#[tokio::test]
async fn a_large_batch_is_not_too_large_a_reply() {
    let server = Server::start(|_, asked| {
        let mut contacts: Vec<Value> =
            asked.body["ids"].as_array().unwrap().iter().map(|id| contact(id.as_str().unwrap())).collect();
        for contact in &mut contacts {
            contact["MailingStreet"] = "Quarry Lane ".repeat(20).into();
        }
        reply(200, &json!(contacts))
    })
    .await;
    let asked: Vec<String> = (0..2000).map(|number| format!("003{number:012}AAA")).collect();
    let fetched = salesforce_at(&server.url).batches().unwrap().fetch_many(&asked).await.unwrap();
    assert!(fetched.iter().zip(&asked).all(|(contact, id)| id_of(contact) == Some(id)));
}

#[tokio::test]
async fn an_answer_to_another_request_is_malformed() {
    for body in [json!([]), json!([null, null]), json!([contact(OTTO)]), json!([{"Id": "mara"}])] {
        let server = Server::start(move |_, _| reply(200, &body)).await;
        assert_eq!(
            salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[MARA])).await,
            Err(MALFORMED)
        );
    }
    let server = org(&[], vec![trace(MARA, true, None)]).await;
    assert_eq!(salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[OTTO])).await, Err(MALFORMED));
    let server = Server::start(|_, asked| match asked.line.as_str() {
        RETRIEVE => retrieved(asked, &[]),
        _ => reply(200, &json!({"totalSize": 1, "done": true, "records": []})),
    })
    .await;
    let counted = salesforce_at(&server.url).batches().unwrap().fetch_many(&ids(&[OTTO])).await;
    assert_eq!(counted, Err(MALFORMED), "a contact that is counted and not sent is not hidden");
}
