//! The events that the org's event relay would send to EventBridge for a change: Change Data Capture events, personal values
//! included.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::contact::{FIELDS, Field, SimulatedContact};
use crate::NativeEvent;

/// `source` of the org's events: its partner event source.
pub const SALESFORCE_SOURCE: &str = "aws.partner/salesforce.com/00D9x000000OrchEAK/0YL9x0000000Q41GAE";
/// The origin of a change that a user makes in the browser.
const SCREEN: &str = "com/salesforce/api/soap/60.0;client=SfdcInternalAPI/";

/// The kind of change of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// It was written, with other values or the same.
    Updated,
    /// It is in the recycle bin.
    Deleted,
    /// It is back from there.
    Undeleted,
}

impl ChangeKind {
    fn change_type(self) -> &'static str {
        match self {
            Self::Created => "CREATE",
            Self::Updated => "UPDATE",
            Self::Deleted => "DELETE",
            Self::Undeleted => "UNDELETE",
        }
    }
}

/// A change, and the event about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactChange {
    /// What happened.
    pub kind: ChangeKind,
    /// The contact after the change, with `is_deleted` after a deletion.
    pub contact: SimulatedContact,
    /// When it was committed, in milliseconds; `contact.system_modstamp` has only the second.
    pub at: OffsetDateTime,
    /// What the relay sends. [`super::SalesforceControl::take_events`] gives the same.
    pub event: NativeEvent,
}

/// The transaction that changes are part of.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    key: String,
    origin: String,
    sequence: u64,
}

impl Transaction {
    /// The transaction of a user in the browser.
    pub(crate) fn of_screen() -> Self {
        Self { key: Uuid::new_v4().to_string(), origin: SCREEN.to_owned(), sequence: 0 }
    }

    /// The transaction of a REST client of this name.
    pub(crate) fn of_client(name: Option<&str>) -> Self {
        let name = name.map_or_else(String::new, |name| format!(";client={name}"));
        Self { origin: format!("com/salesforce/api/rest/60.0{name}"), ..Self::of_screen() }
    }

    fn next_header(&mut self, id: &str, change_type: &str, at: OffsetDateTime, commit: i64) -> Value {
        self.sequence += 1;
        header(&[id], change_type, &self.origin, &self.key, self.sequence, at, commit)
    }
}

/// The event about a change from `before` to `after`.
pub(crate) fn change_event(
    kind: ChangeKind,
    before: Option<&SimulatedContact>,
    after: &SimulatedContact,
    at: OffsetDateTime,
    commit: i64,
    transaction: &mut Transaction,
) -> NativeEvent {
    let mut header = transaction.next_header(&after.id, kind.change_type(), at, commit);
    let differs = |field: &&Field| before.is_none_or(|before| (field.get)(before) != (field.get)(after));
    let reported: Vec<&Field> = match kind {
        ChangeKind::Created | ChangeKind::Undeleted => {
            FIELDS.iter().filter(|field| (field.get)(after).is_some()).collect()
        }
        ChangeKind::Updated => FIELDS.iter().filter(differs).collect(),
        ChangeKind::Deleted => Vec::new(),
    };
    let mut payload = json!({});
    for field in &reported {
        let Some(value) = (field.get)(after) else { continue };
        match field.in_events.split_once('.') {
            Some((compound, part)) => payload[compound][part] = value.into(),
            None => payload[field.in_events] = value.into(),
        }
    }
    if kind == ChangeKind::Updated {
        let names = reported.iter().map(|field| field.in_events);
        header["changedFields"] = names.chain(["LastModifiedDate"]).collect();
        let nulled = reported.iter().filter(|field| (field.get)(after).is_none());
        header["nulledFields"] = nulled.map(|field| field.in_events).collect();
    }
    if kind != ChangeKind::Deleted {
        let modified = super::contact::timestamp(after.system_modstamp).replace("+0000", "Z");
        if kind == ChangeKind::Created {
            payload["CreatedDate"] = modified.clone().into();
        }
        payload["LastModifiedDate"] = modified.into();
    }
    payload["ChangeEventHeader"] = header;
    native(&payload)
}

/// An event that names the records and not the change.
pub(crate) fn gap_event(ids: &[&str], change_type: &str, commit: i64) -> NativeEvent {
    let now = OffsetDateTime::now_utc();
    let header = header(ids, change_type, "", &Uuid::new_v4().to_string(), 1, now, commit);
    native(&json!({ "ChangeEventHeader": header }))
}

fn header(
    ids: &[&str],
    change_type: &str,
    origin: &str,
    transaction: &str,
    sequence: u64,
    at: OffsetDateTime,
    commit: i64,
) -> Value {
    json!({
        "entityName": "Contact",
        "recordIds": ids,
        "changeType": change_type,
        "changeOrigin": origin,
        "transactionKey": transaction,
        "sequenceNumber": sequence,
        "commitTimestamp": at.unix_timestamp() * 1000 + i64::from(at.millisecond()),
        "commitNumber": commit,
        "commitUser": "0059x000000SimUAAU",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
    })
}

fn native(payload: &Value) -> NativeEvent {
    let detail =
        json!({ "payload": payload, "schemaId": "kVb2wQ0mYk8RrS1tUuVvWw", "id": Uuid::new_v4() }).to_string();
    NativeEvent { source: SALESFORCE_SOURCE.to_owned(), detail_type: "ContactChangeEvent".to_owned(), detail }
}
