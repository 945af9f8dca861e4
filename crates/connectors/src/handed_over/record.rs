//! A record as it was handed over, and its mapping to [`Record`]. A value stands under the name of its field in the built-in policy,
//! unless the source's `map` says another place.

use authority::{FieldType, Policy};
use provider_http::ProviderError;
use provider_http::json::{Json, Unread};

use super::table::HandedOver;
use crate::mapping::{MappedField, Mapping};
use crate::{Fetched, Record};

/// Our key of the person, if the sender knows it.
const EXTERNAL_KEY: &str = "external_key";

/// The fields of the built-in policy under their own names, without those that `own` has elsewhere.
pub(super) fn standard(own: &Mapping) -> Mapping {
    let policy = Policy::default();
    let fields =
        policy.fields().filter(|(field, _)| !own.maps(field)).map(|(field, definition)| MappedField {
            field: field.clone(),
            pointer: format!("/{}", field.as_str()),
            is_address: definition.kind == FieldType::Address,
        });
    Mapping::new(&fields.collect::<Vec<_>>())
}

/// What a row says of its record.
pub(super) fn fetched(row: HandedOver, standard: &Mapping, own: &Mapping) -> Result<Fetched, ProviderError> {
    let Some(content) = row.content else { return Ok(Fetched::Gone { merged_into: None }) };
    let raw: Json = serde_json::from_value(content).map_err(|_| ProviderError::WHOLE_REPLY_MALFORMED)?;
    if !matches!(raw, Json::Object(_)) {
        return Err(ProviderError::WHOLE_REPLY_MALFORMED);
    }
    let mut record = standard.add(Record::of(row.id), &raw);
    record.external_key = raw.at(EXTERNAL_KEY).id().unwrap_or_else(|Unread| {
        record.unread.push(EXTERNAL_KEY.into());
        None
    });
    record.version_at = row.version_at;
    // The standard names are the same for each source: only what the file maps is marked.
    record.etag = None;
    Ok(Fetched::Found(Box::new(own.add(record, &raw))))
}
