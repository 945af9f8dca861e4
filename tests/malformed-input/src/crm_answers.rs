//! The answers of CRMs, for [`crate::check`].

use axum::http::StatusCode;
use connectors::{
    Batches as _, ChangesFrom, Fetched, Listing as _, ProviderError, Push as _, Records as _, Written,
};
use serde_json::{Map, Value, json};
use time::macros::datetime;

use crate::answers::{Answer, Place, Reading, changed, is_flag, is_number, listed, values_of};
use crate::replies::{CONTACT, HUBSPOT_CONTACT, read, read_reply, write};

/// Every answer that a connector of a CRM reads.
pub fn crm_answers() -> Vec<Answer> {
    salesforce_answers().into_iter().chain(hubspot_answers()).collect()
}

fn salesforce_answers() -> Vec<Answer> {
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
    Place::needed("/records", &["gone", "merged_into"], |_| false),
    Place::needed("/records/0/Id", &["gone", "merged_into"], |_| false),
    Place::needed("/records/0/IsDeleted", &["gone", "merged_into"], |_| false),
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
    contact(read(body, async |world| world.salesforce.fetch_many(&ids).await))
}

/// The values of the one contact that was requested. One that is gone or hidden has none.
fn contact(fetched: Result<Vec<Fetched>, ProviderError>) -> Reading {
    match fetched.map_err(|error| error.to_string())?.as_slice() {
        [Fetched::Found(contact)] => {
            let mut values = values_of(contact);
            if let Some(Value::Object(parts)) = values.remove("mailing_address") {
                values.extend(parts);
            }
            Ok(values)
        }
        [Fetched::Gone { merged_into }] => {
            let values = [("gone", json!(true)), ("merged_into", json!(merged_into))];
            Ok(values.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
        }
        [Fetched::NotVisible] => Ok(Map::new()),
        other => panic!("{other:?}"),
    }
}

/// A contact that the batch read does not find. One that is hidden has no values.
fn traces(body: &[u8]) -> Reading {
    let ids = [CONTACT.to_owned()];
    let fetched = read_reply(Some("[null]"), StatusCode::OK, body, async |world| {
        world.salesforce.fetch_many(&ids).await
    });
    contact(fetched)
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
    written(read(body, async |world| world.salesforce.upsert(&write(CONTACT, "Email")).await))
}

fn written(written: Result<Written, ProviderError>) -> Reading {
    let Written { id, created, refused } = written.map_err(|error| error.to_string())?;
    let refused: Vec<String> =
        refused.iter().map(|refused| format!("{} {}", refused.property, refused.code)).collect();
    let values = [("id", json!(id)), ("created", json!(created)), ("refused", json!(refused))];
    Ok(values.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Map<_, _>>())
}

fn hubspot_answers() -> Vec<Answer> {
    let contact = |id: &str, merged: Value, archived: bool| {
        json!({"id": id, "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-11-20T15:10:42.120Z",
            "archived": archived, "properties": {"firstname": "Maeve", "lastname": "Ostrander",
            "email": "maeve.ostrander@example.org", "phone": "+15550100177", "date_of_birth": "1988-04-09",
            "address": "12 Quarry Lane", "city": "Port Ellery", "state": "RI", "zip": "02801", "country": "US",
            "coppice_person_key": "P-1", "hs_merged_object_ids": merged}})
    };
    let batch = |results: Value| json!({"status": "COMPLETE", "results": results, "startedAt": "2026-11-20T15:10:42Z"});
    let rows = [(7001, 10), (7002, 20), (7003, 30)].map(|(id, minute)| {
        let at = format!("2026-11-20T15:{minute}:42.120Z");
        json!({"id": id.to_string(), "properties": {"lastmodifieddate": at}, "updatedAt": at, "archived": false})
    });
    let page = json!({"results": rows, "paging": {"next": {"after": "7004", "link": "https://api.hubapi.com/?after=7004"}}});
    let written = batch(
        json!([{"id": HUBSPOT_CONTACT, "properties": {}, "new": true, "objectWriteTraceId": "coppice"}]),
    );
    let message = concat!(
        r#"Property values were not valid: [{"isValid":false,"message":"Email address a@example is invalid","#,
        r#""error":"INVALID_EMAIL","name":"email"}]"#
    );
    let refused = json!({"status": "error", "category": "VALIDATION_ERROR", "message": message, "correlationId": "8a3f"});
    let refusal = json!({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [refused]});
    let missed = json!({"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [{"status": "error",
        "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects",
        "context": {"ids": [HUBSPOT_CONTACT]}}]});
    let merged = batch(json!([contact("7005", json!("7001;7002"), false)]));
    vec![
        Answer::new(
            "hubspot contact",
            batch(json!([contact("7001", Value::Null, false)])),
            hubspot_contacts,
            HUBSPOT,
        ),
        Answer::new("hubspot merged contact", merged, hubspot_contacts, HUBSPOT_MERGED),
        Answer::new(
            "hubspot archived contact",
            batch(json!([contact("7001", Value::Null, true)])),
            archived,
            ARCHIVED,
        ),
        Answer::new("hubspot missing contact", missed, hubspot_contacts, MISSED),
        Answer::new("hubspot list", page, hubspot_list, HUBSPOT_LIST),
        Answer::new(
            "hubspot changes",
            json!({"total": 9, "results": rows}),
            hubspot_changes,
            HUBSPOT_CHANGES,
        ),
        Answer::new("hubspot write", written, hubspot_writes, HUBSPOT_WRITTEN),
        Answer::new("hubspot refusal", refusal, hubspot_writes, HUBSPOT_REFUSED),
        Answer::new("hubspot error", refused, hubspot_errors, HUBSPOT_ERROR),
    ]
}

/// Without the record, all of it is lost. With another ID, it is that of another contact.
const ALL_VALUES: &[&str] = &[
    "id",
    "external_key",
    "given_name",
    "family_name",
    "email",
    "phone",
    "birthdate",
    "street",
    "city",
    "region",
    "postal_code",
    "country",
    "version",
    "etag",
];

const HUBSPOT: &[Place] = &[
    Place::needed("/results", ALL_VALUES, |_| false),
    Place::needed("/results/0/id", ALL_VALUES, is_contact),
    Place::needed("/results/0/archived", ALL_VALUES, is_flag),
    Place::needed("/results/0/properties", ALL_VALUES, Value::is_object),
    Place::noted("/results/0/properties/coppice_person_key", &["external_key"]),
    Place::noted("/results/0/properties/firstname", &["given_name"]),
    Place::noted("/results/0/properties/lastname", &["family_name"]),
    Place::noted("/results/0/properties/email", &["email"]),
    Place::noted("/results/0/properties/phone", &["phone"]),
    Place::noted("/results/0/properties/date_of_birth", &["birthdate"]),
    Place::noted("/results/0/properties/address", &["street"]),
    Place::noted("/results/0/properties/city", &["city"]),
    Place::noted("/results/0/properties/state", &["region"]),
    Place::noted("/results/0/properties/zip", &["postal_code"]),
    Place::noted("/results/0/properties/country", &["country"]),
    Place::noted("/results/0/updatedAt", &["version"]),
];

const HUBSPOT_MERGED: &[Place] = &[
    Place::needed("/results", &["gone", "merged_into"], |_| false),
    Place::needed("/results/0/id", &["gone", "merged_into"], is_contact),
];

const ARCHIVED: &[Place] = &[
    Place::needed("/results", &["gone"], |_| false),
    Place::needed("/results/0/id", &["gone", "merged_into"], is_contact),
    Place::needed("/results/0/archived", &["gone", "merged_into"], is_flag),
];

const MISSED: &[Place] = &[Place::needed("/results", &[], |_| false), Place::deep("/errors", &[], |_| false)];

const HUBSPOT_LIST: &[Place] = &[
    Place::needed("/results", &["7001", "7002", "7003", "count"], |_| true),
    Place::optional("/results/0", &["7001"]),
    Place::optional("/results/1", &["7002"]),
    Place::optional("/results/2", &["7003"]),
    Place::deep("/paging", &[], |_| false),
];

// The feed goes on from the last time that it could read.
const HUBSPOT_CHANGES: &[Place] = &[
    Place::needed("/results", &["7001", "7002", "7003", "count", "next"], |_| true),
    Place::optional("/results/0", &["7001"]),
    Place::optional("/results/1", &["7002"]),
    Place::optional("/results/2", &["7003", "next"]),
];

const HUBSPOT_WRITTEN: &[Place] = &[
    Place::needed("/results", &["id", "created"], |_| false),
    Place::needed("/results/0/id", &[], |_| false),
    Place::optional("/results/0/new", &["created"]),
];

const HUBSPOT_REFUSED: &[Place] =
    &[Place::needed("/results", &[], |_| false), Place::deep("/errors", &["refused"], |_| false)];

const HUBSPOT_ERROR: &[Place] = &[
    Place::optional("", &["error"]),
    Place::optional("/category", &["error"]),
    Place::optional("/message", &["error"]),
];

/// True for the ID of a contact. A flag that the changes of form have written as a number is one, too.
fn is_contact(value: &Value) -> bool {
    is_number(value)
}

fn hubspot_contacts(body: &[u8]) -> Reading {
    let ids = [HUBSPOT_CONTACT.to_owned()];
    contact(read(body, async |world| world.hubspot.fetch_many(&ids).await))
}

/// A contact that is not among the living ones.
fn archived(body: &[u8]) -> Reading {
    let ids = [HUBSPOT_CONTACT.to_owned()];
    let missed = r#"{"results":[],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["7001"]}}]}"#;
    contact(read_reply(Some(missed), StatusCode::OK, body, async |world| {
        world.hubspot.fetch_many(&ids).await
    }))
}

fn hubspot_list(body: &[u8]) -> Reading {
    listed(read(body, async |world| world.hubspot.list(None).await))
}

fn hubspot_changes(body: &[u8]) -> Reading {
    let since = ChangesFrom::Time(datetime!(2026-11-20 15:00 UTC));
    changed(read(body, async |world| world.hubspot.changes(since).await))
}

fn hubspot_writes(body: &[u8]) -> Reading {
    written(read(body, async |world| world.hubspot.upsert(&write(HUBSPOT_CONTACT, "email")).await))
}

fn hubspot_errors(body: &[u8]) -> Reading {
    let error = read_reply(None, StatusCode::BAD_REQUEST, body, async |world| world.hubspot.ping().await);
    Ok([("error".to_owned(), json!(error.unwrap_err().to_string()))].into_iter().collect())
}
