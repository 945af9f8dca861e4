//! From a change event to contact hints.
//!
//! Header: <https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm>.
//! An Event Relay puts the event into `detail.payload`; a rule may have reduced it to its header, or taken the payload
//! out. The changed fields beside the header are never read.

use event_contract::Envelope;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::SOURCE;
use super::contact_id::normalised;
use crate::ingress::{is_from_ingress, read_ingress};
use crate::{ContactChange, ContactHint, CrmEvent, UnreadableEvent};

/// Partner event sources of Salesforce: <https://developer.salesforce.com/docs/platform/event-relay/guide/er-overview.html>.
const PARTNER_SOURCE_PREFIX: &str = "aws.partner/salesforce.com/";
/// Stands for all records where Salesforce does not count them:
/// <https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_other_events_overflow.htm>.
const EVERY_RECORD: &str = "000000000000000AAA";

#[derive(Deserialize)]
struct Detail {
    payload: Option<Payload>,
    #[serde(rename = "ChangeEventHeader")]
    header: Option<Header>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "ChangeEventHeader")]
    header: Header,
}

/// The parts of the header that are looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    entity_name: String,
    change_type: Option<Value>,
    record_ids: Option<Value>,
    commit_timestamp: Option<Value>,
}

/// Which contacts the event names. See [`crate::CrmProvider::read_event`].
pub(crate) fn read_event(envelope: &Envelope) -> Result<CrmEvent, UnreadableEvent> {
    if is_from_ingress(envelope, SOURCE) {
        let hints = read_ingress(envelope)?;
        let normal = |hint: ContactHint| ContactHint { id: in_one_spelling(&hint.id), ..hint };
        return Ok(CrmEvent::Contacts(hints.into_iter().map(normal).collect()));
    }
    if !envelope.source.starts_with(PARTNER_SOURCE_PREFIX) {
        return Err(UnreadableEvent::ForeignSource { expected: SOURCE });
    }
    let detail: Detail =
        serde_json::from_str(envelope.detail.get()).map_err(|error| UnreadableEvent::shape(&error))?;
    let header = detail.payload.map(|payload| payload.header).or(detail.header);
    read_header(&header.ok_or(UnreadableEvent::Shape { line: 0, column: 0 })?)
}

fn read_header(header: &Header) -> Result<CrmEvent, UnreadableEvent> {
    if !matches!(header.entity_name.as_str(), "Contact" | "ContactChangeEvent") {
        return Ok(CrmEvent::Ignored);
    }
    let Meaning { kind, change, has_time } = meaning(header.change_type.as_ref());
    let not_before = header.commit_timestamp.as_ref().filter(|_| has_time).and_then(second_before);
    let ids = ids(header.record_ids.as_ref()).ok_or(UnreadableEvent::MissingId { kind })?;
    if kind == OVERFLOW || ids.iter().any(|id| id == EVERY_RECORD) {
        return Ok(CrmEvent::ResyncAll);
    }
    Ok(CrmEvent::Contacts(ids.into_iter().map(|id| ContactHint { id, change, not_before }).collect()))
}

/// What a type says; `has_time`: its commit time is when the record went.
struct Meaning {
    kind: &'static str,
    change: ContactChange,
    has_time: bool,
}

const OVERFLOW: &str = "GAP_OVERFLOW";

/// The commit time bounds a deletion only: a record's `SystemModstamp` is of the write, which in a long transaction is
/// well before the commit, so a record that is there may rightly be older. A gap event says that something was not told:
/// when, it does not know. A type of tomorrow is a reason to look.
fn meaning(change_type: Option<&Value>) -> Meaning {
    use ContactChange::{Deleted, Present};
    let (kind, change, has_time) = match change_type.and_then(Value::as_str).unwrap_or_default() {
        "CREATE" => ("CREATE", Present, false),
        "UPDATE" => ("UPDATE", Present, false),
        "UNDELETE" => ("UNDELETE", Present, false),
        "DELETE" => ("DELETE", Deleted, true),
        "GAP_DELETE" => ("GAP_DELETE", Deleted, false),
        OVERFLOW => (OVERFLOW, Present, false),
        _ => ("change", Present, false),
    };
    Meaning { kind, change, has_time }
}

/// The IDs of the records; `None` when there is none, or something that is no ID.
fn ids(record_ids: Option<&Value>) -> Option<Vec<String>> {
    let ids = record_ids?.as_array()?;
    let ids: Option<Vec<_>> = ids.iter().map(|id| id.as_str().filter(|id| !id.is_empty())).collect();
    let ids: Vec<_> = ids?.into_iter().map(in_one_spelling).collect();
    (!ids.is_empty()).then_some(ids)
}

/// With 18 characters, as the API answers. What is no ID stays as it is, and is found to be gone.
fn in_one_spelling(id: &str) -> String {
    if id.len() == 18 { id.to_owned() } else { normalised(id).unwrap_or_else(|| id.to_owned()) }
}

/// The last second that is surely before the deletion. `commitTimestamp` is in milliseconds, `SystemModstamp`, which is
/// compared with it, in seconds: a contact that is restored within the second in which it was deleted must be newer.
fn second_before(milliseconds: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(milliseconds.as_i64()?.div_euclid(1000) - 1).ok()
}
