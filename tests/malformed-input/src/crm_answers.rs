//! The answers of CRMs, for [`crate::check`].

use axum::http::StatusCode;
use provider_crm::{ChangesFrom, ContactWritten, CrmProvider as _, FetchedContact};
use serde_json::{Map, Value, json};
use time::macros::datetime;

use crate::answers::{Answer, Place, Reading, UNREAD, changed, is_flag, is_number, listed};
use crate::replies::{CONTACT, read, read_reply, write};

/// Every answer that a connector of a CRM reads.
pub fn crm_answers() -> Vec<Answer> {
    let contact = json!([{
        "attributes": {"type": "Contact", "url": "/services/data/v62.0/sobjects/Contact/0037Q00000HbKmTQAV"},
        "Id": CONTACT, "Person_Key__c": "P-1", "FirstName": "Maeve", "LastName": "Ostrander",
        "Email": "maeve.ostrander@example.org", "Phone": "+15550100177", "Birthdate": "1988-04-09",
        "MailingStreet": "12 Quarry Lane", "MailingCity": "Port Ellery", "MailingState": "RI",
        "MailingPostalCode": "02801", "MailingCountry": "US", "SystemModstamp": "2026-11-20T15:10:42.000Z"}]);
    let rows = [(1, 10), (2, 20), (3, 30)].map(|(number, minute)| {
        let id = format!("00300000000000{number}AAA");
        json!({"attributes": {"type": "Contact", "url": format!("/services/data/v62.0/sobjects/Contact/{id}")}, "Id": id,
            "SystemModstamp": format!("2026-11-20T15:{minute}:42.000Z")})
    });
    let page = json!({"totalSize": 3, "done": true, "records": rows});
    let first_page = json!({"totalSize": 5, "done": false, "records": rows,
        "nextRecordsUrl": "/services/data/v62.0/query/01gD0000002HU6KIAW-2000"});
    let written = json!([{"id": CONTACT, "success": true, "errors": [], "created": true}]);
    let refused = json!([{"success": false, "errors": [{"statusCode": "INVALID_EMAIL_ADDRESS",
        "message": "Email: invalid email address: a@example", "fields": ["Email"]}]}]);
    let merged = json!({"totalSize": 1, "done": true, "records": [{"attributes": {"type": "Contact"}, "Id": CONTACT,
        "IsDeleted": true, "MasterRecordId": "003000000000001AAA"}]});
    let error = json!([{"errorCode": "INVALID_FIELD", "message": "No such column", "fields": ["Email"]}]);
    vec![
        Answer::new("salesforce contact", contact, contacts, SALESFORCE),
        Answer::new("salesforce merged contact", merged, traces, MERGED),
        Answer::new("salesforce list", page.clone(), list, LIST),
        Answer::new("salesforce changes", page, changes, CHANGES),
        Answer::new("salesforce changes, first page", first_page, changes, FIRST_CHANGES),
        Answer::new("salesforce write", written, writes, WRITTEN),
        Answer::new("salesforce refusal", refused, writes, REFUSED),
        Answer::new("salesforce error", error, errors, ERROR),
    ]
}

const SALESFORCE: &[Place] = &[
    Place::needed("/0/Id", &["id"], |_| false),
    Place::noted("/0/Person_Key__c", &["external_key"]),
    Place::noted("/0/FirstName", &["given_name"]),
    Place::noted("/0/LastName", &["family_name"]),
    Place::noted("/0/Email", &["email"]),
    Place::noted("/0/Phone", &["phone"]),
    Place::noted("/0/Birthdate", &["birthdate"]),
    Place::noted("/0/MailingStreet", &["street"]),
    Place::noted("/0/MailingCity", &["city"]),
    Place::noted("/0/MailingState", &["region"]),
    Place::noted("/0/MailingPostalCode", &["postal_code"]),
    Place::noted("/0/MailingCountry", &["country"]),
    Place::noted("/0/SystemModstamp", &["version"]),
];

const MERGED: &[Place] = &[
    Place::needed("/records", &["merged_into"], |_| false),
    Place::needed("/records/0/Id", &["merged_into"], |_| false),
    Place::needed("/records/0/IsDeleted", &["merged_into"], |_| false),
    Place::needed("/records/0/MasterRecordId", &["merged_into"], |_| false),
    Place::needed("/totalSize", &[], is_number),
];

// The status says the rest.
const ERROR: &[Place] = &[Place::optional("", &["error"]), Place::optional("/0/errorCode", &["error"])];

const LIST: &[Place] = &[
    Place::needed(
        "/records",
        &["003000000000001AAA", "003000000000002AAA", "003000000000003AAA", "count"],
        |_| true,
    ),
    Place::optional("/records/0", &["003000000000001AAA"]),
    Place::optional("/records/1", &["003000000000002AAA"]),
    Place::optional("/records/2", &["003000000000003AAA"]),
    Place::needed("/done", &[], is_flag),
    Place::needed("/totalSize", &[], is_number),
];

// The feed goes on from the last time that it could read.
const CHANGES: &[Place] = &[
    Place::needed(
        "/records",
        &["003000000000001AAA", "003000000000002AAA", "003000000000003AAA", "count", "next"],
        |_| false,
    ),
    Place::optional("/records/0", &["003000000000001AAA"]),
    Place::optional("/records/1", &["003000000000002AAA"]),
    Place::optional("/records/2", &["003000000000003AAA", "next"]),
    Place::needed("/done", &[], |_| false),
    Place::needed("/totalSize", &[], |_| false),
];

const FIRST_CHANGES: &[Place] = &[
    Place::needed(
        "/records",
        &["003000000000001AAA", "003000000000002AAA", "003000000000003AAA", "count", "next"],
        |_| true,
    ),
    Place::optional("/records/0", &["003000000000001AAA"]),
    Place::optional("/records/1", &["003000000000002AAA"]),
    Place::optional("/records/2", &["003000000000003AAA", "next"]),
    Place::needed("/nextRecordsUrl", &[], |_| false),
    Place::needed("/done", &[], |_| false),
    Place::needed("/totalSize", &[], |_| false),
];

const WRITTEN: &[Place] = &[
    Place::needed("/0/id", &["id"], Value::is_string),
    Place::needed("/0/success", &[], |_| false),
    Place::optional("/0/created", &["created"]),
];

const REFUSED: &[Place] =
    &[Place::needed("/0/success", &["refused"], is_flag), Place::deep("/0/errors", &["refused"], |_| false)];

fn contacts(body: &[u8]) -> Reading {
    let ids = [CONTACT.to_owned()];
    let fetched = read(body, async |world| world.salesforce.fetch_contacts(&ids).await);
    match fetched.map_err(|error| error.to_string())?.as_slice() {
        [FetchedContact::Found(contact)] => {
            let mut values = serde_json::to_value(contact).unwrap().as_object().cloned().unwrap_or_default();
            if let Some(Value::Object(parts)) = values.remove("mailing_address") {
                values.extend(parts);
            }
            values.insert("version".to_owned(), json!(contact.version.map(|at| at.to_string())));
            values.insert(UNREAD.to_owned(), json!(contact.unread));
            Ok(values)
        }
        other => panic!("{other:?}"),
    }
}

/// A contact that the batch read does not find. One that is hidden has no values.
fn traces(body: &[u8]) -> Reading {
    let ids = [CONTACT.to_owned()];
    let fetched = read_reply(Some("[null]"), StatusCode::OK, body, async |world| {
        world.salesforce.fetch_contacts(&ids).await
    });
    match fetched.map_err(|error| error.to_string())?.as_slice() {
        [FetchedContact::Gone { merged_into }] => {
            Ok([("merged_into".to_owned(), json!(merged_into))].into_iter().collect())
        }
        [FetchedContact::NotVisible] => Ok(Map::new()),
        other => panic!("{other:?}"),
    }
}

fn errors(body: &[u8]) -> Reading {
    let error = read_reply(None, StatusCode::BAD_REQUEST, body, async |world| world.salesforce.ping().await);
    Ok([("error".to_owned(), json!(error.unwrap_err().to_string()))].into_iter().collect())
}

fn list(body: &[u8]) -> Reading {
    listed(read(body, async |world| world.salesforce.list(None).await))
}

fn changes(body: &[u8]) -> Reading {
    let since = ChangesFrom::Time(datetime!(2026-11-20 15:00 UTC));
    changed(read(body, async |world| world.salesforce.changes(since).await))
}

fn writes(body: &[u8]) -> Reading {
    let written = read(body, async |world| world.salesforce.upsert_contact(&write()).await);
    let ContactWritten { id, created, refused } = written.map_err(|error| error.to_string())?;
    let refused: Vec<String> =
        refused.iter().map(|refused| format!("{} {}", refused.field.as_str(), refused.code)).collect();
    let values = [("id", json!(id)), ("created", json!(created)), ("refused", json!(refused))];
    Ok(values.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Map<_, _>>())
}
