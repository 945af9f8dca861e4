//! Reads the contacts that a change event names. The changed fields beside the header are never read.
//! <https://developer.salesforce.com/docs/atlas.en-us.change_data_capture.meta/change_data_capture/cdc_event_fields_header.htm>

use event_contract::{Envelope, Origin, RecordHint, UnreadableEvent};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::contact_id::{ContactId, names_every_contact, normalised};
use crate::RecordEvent;

/// Partner event sources of Salesforce: <https://developer.salesforce.com/docs/platform/event-relay/guide/er-overview.html>.
pub(super) const PARTNER_SOURCES: &str = "aws.partner/salesforce.com/";

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    entity_name: String,
    change_type: Option<Value>,
    record_ids: Option<Value>,
    commit_timestamp: Option<Value>,
}

pub(super) fn read_event(envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
    if origin == Origin::Ingress {
        return contacts(envelope.ingress_hints()?);
    }
    let detail: Detail = envelope.parse_detail()?;
    // An Event Relay puts the event into `payload`. A rule may have reduced it to its header, or removed `payload` around it.
    let header = detail.payload.map(|payload| payload.header).or(detail.header);
    read_header(&header.ok_or(UnreadableEvent::Shape { line: 0, column: 0 })?)
}

/// False if the event's source names another organization: `aws.partner/salesforce.com/{organization}/{channel}`.
pub(super) fn may_be_of(envelope: &Envelope, organization: &str) -> bool {
    let named = envelope.source.strip_prefix(PARTNER_SOURCES).and_then(|rest| rest.split('/').next());
    named.is_none_or(|named| normalised(named) == normalised(organization))
}

fn read_header(header: &Header) -> Result<RecordEvent, UnreadableEvent> {
    if !matches!(header.entity_name.as_str(), "Contact" | "ContactChangeEvent") {
        return Ok(RecordEvent::Records(Vec::new()));
    }
    let Meaning { kind, removed, has_time } = meaning(header.change_type.as_ref());
    let not_before = header.commit_timestamp.as_ref().filter(|_| has_time).and_then(second_before);
    let ids = ids(header.record_ids.as_ref()).ok_or(UnreadableEvent::MissingId { kind })?;
    if kind == OVERFLOW {
        return Ok(RecordEvent::Everything);
    }
    contacts(ids.into_iter().map(|id| RecordHint { id, removed, not_before }).collect())
}

fn contacts(hints: Vec<RecordHint>) -> Result<RecordEvent, UnreadableEvent> {
    if hints.iter().any(|hint| names_every_contact(&hint.id)) {
        return Ok(RecordEvent::Everything);
    }
    let spell = |text: &str| ContactId::parse(text).map(ContactId::into_text);
    let hints = hints.into_iter().map(|hint| hint.spelled("a contact of Salesforce", spell));
    hints.collect::<Result<_, _>>().map(RecordEvent::Records)
}

/// What a type says. `has_time`: its commit time is the time of the deletion.
struct Meaning {
    kind: &'static str,
    removed: bool,
    has_time: bool,
}

const OVERFLOW: &str = "GAP_OVERFLOW";

fn meaning(change_type: Option<&Value>) -> Meaning {
    // The commit time bounds a deletion only. A record's `SystemModstamp` is the time of the write, which in a long transaction
    // is well before the commit, so an existing record may rightly be older.
    let (kind, removed, has_time) = match change_type.and_then(Value::as_str).unwrap_or_default() {
        "CREATE" => ("CREATE", false, false),
        "UPDATE" => ("UPDATE", false, false),
        "UNDELETE" => ("UNDELETE", false, false),
        "DELETE" => ("DELETE", true, true),
        // A gap event says that an event was lost, and not when.
        "GAP_DELETE" => ("GAP_DELETE", true, false),
        OVERFLOW => (OVERFLOW, false, false),
        // A type that Salesforce adds later counts as a change.
        _ => ("change", false, false),
    };
    Meaning { kind, removed, has_time }
}

fn ids(record_ids: Option<&Value>) -> Option<Vec<String>> {
    let ids = record_ids?.as_array()?;
    let ids: Option<Vec<_>> = ids.iter().map(|id| id.as_str().filter(|id| !id.is_empty())).collect();
    let ids: Vec<_> = ids?.into_iter().map(str::to_owned).collect();
    (!ids.is_empty()).then_some(ids)
}

fn second_before(milliseconds: &Value) -> Option<OffsetDateTime> {
    // It is compared with `SystemModstamp`, in seconds. A contact that was restored in the second of its deletion is newer.
    OffsetDateTime::from_unix_timestamp(milliseconds.as_i64()?.div_euclid(1000) - 1).ok()
}
