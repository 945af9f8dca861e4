//! Writes one contact: by its ID, or by our key. A value that Salesforce does not accept is left out, and the rest is written.
//! Both are batch requests with one record, since the reply has its result:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_update.htm>,
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm>.

use std::collections::BTreeMap;

use provider_http::json::{Json, needed, readable};
use provider_http::{Answer, ProviderError, ProviderHttp};
use serde_json::{Map, Value, json};

use super::contact_id::ContactId;
use super::error_code::write_error;
use super::record::{EXTERNAL_KEY, LAST_NAME, NO_NAME};
use crate::{RecordWrite, RefusedProperty, Written};

/// The values that are sent, by property.
type Sent<'a> = BTreeMap<&'a str, Option<&'a str>>;

struct Saved {
    id: Option<ContactId>,
    success: bool,
    created: bool,
    errors: Vec<SaveError>,
}

struct SaveError {
    status_code: String,
    message: Option<String>,
    /// `None`: they cannot be read, so that any field may be meant.
    fields: Option<Vec<String>>,
}

pub(crate) async fn upsert(http: &ProviderHttp, write: &RecordWrite) -> Result<Written, ProviderError> {
    let id = match &write.id {
        Some(id) => Some(ContactId::parse(id).ok_or(GONE)?),
        None => None,
    };
    let by_key = [COLLECTION[0], COLLECTION[1], "Contact", EXTERNAL_KEY];
    let path = if id.is_some() { &COLLECTION[..] } else { &by_key };
    let (mut sent, mut refused, mut placeholder) = (sent(write), Vec::new(), None);
    // Each turn but the last takes a value away, or adds the placeholder.
    loop {
        let record = record(id.as_ref(), &write.external_key, &sent, placeholder);
        let saved = save(http, path, &record).await?;
        if saved.success {
            let id = written(id, saved.id)?.into_text();
            return Ok(Written { id, created: saved.created, refused });
        }
        let bad = saved.refused_values(&sent);
        if bad.is_empty() {
            if id.is_some() || !saved.lacks_last_name() || record.contains_key(LAST_NAME) {
                return Err(saved.error());
            }
            // Only a new contact needs a name. If the first call sent this name, it would replace the name of an existing
            // contact.
            placeholder = Some(NO_NAME);
            continue;
        }
        sent.retain(|property, _| bad.iter().all(|bad| bad.property != *property));
        refused.extend(bad);
        if sent.is_empty() {
            // Nothing is left to write.
            let id = id.ok_or_else(|| saved.error())?.into_text();
            return Ok(Written { id, created: false, refused });
        }
    }
}

/// The ID of the written contact: the one that was asked for, which the answer may leave out.
fn written(asked: Option<ContactId>, answered: Option<ContactId>) -> Result<ContactId, ProviderError> {
    if asked.is_some() && answered.is_some() && asked != answered {
        return Err(ProviderError::WHOLE_REPLY_MALFORMED);
    }
    asked.or(answered).ok_or(ProviderError::Unreadable { field: "id" })
}

/// The contact with the given ID does not exist.
const GONE: ProviderError = ProviderError::Invalid { status: 404 };

const COLLECTION: [&str; 2] = ["composite", "sobjects"];

fn sent(write: &RecordWrite) -> Sent<'_> {
    let filled = |value: &&str| !value.trim().is_empty();
    let values = write.values.iter();
    let values = values.map(|(property, value)| (property.as_str(), value.as_deref().filter(filled)));
    // A last name is not cleared, since Salesforce would refuse the whole write.
    values.filter(|(property, value)| value.is_some() || !is_named(property, LAST_NAME)).collect()
}

/// Salesforce ignores the case of names.
fn is_named(property: &str, name: &str) -> bool {
    property.eq_ignore_ascii_case(name)
}

fn record(
    id: Option<&ContactId>,
    external_key: &str,
    sent: &Sent<'_>,
    last_name: Option<&str>,
) -> Map<String, Value> {
    let mut record: Map<String, Value> =
        sent.iter().map(|(property, value)| ((*property).to_owned(), json!(value))).collect();
    record.insert("attributes".into(), json!({"type": "Contact"}));
    record.insert(EXTERNAL_KEY.into(), external_key.into());
    let more = [("id", id.map(ContactId::as_str)), (LAST_NAME, last_name)];
    record.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    record
}

async fn save(
    http: &ProviderHttp,
    path: &[&str],
    record: &Map<String, Value>,
) -> Result<Saved, ProviderError> {
    let request = json!({"allOrNone": false, "records": [record]});
    // A 404 of the whole request: the object or the key's field does not exist, or is hidden from our user. That must not look
    // like a contact that is gone.
    match http.patch_json::<_, Json>(path, &[], &request).await? {
        Answer::Found { value: Json::List(saved), .. } if saved.len() == 1 => Saved::read(&saved[0]),
        Answer::Found { .. } => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        Answer::NotFound | Answer::Gone | Answer::NotModified => {
            Err(ProviderError::Refused { code: "NOT_FOUND", names_record: false })
        }
    }
}

impl Saved {
    fn read(saved: &Json) -> Result<Self, ProviderError> {
        let success = needed("success", saved.at("success").flag())?;
        // A write that has succeeded needs nothing of them.
        let errors =
            if success { None } else { readable("errors", saved.at("errors").list())? }.unwrap_or_default();
        Ok(Self {
            id: readable("id", ContactId::read(saved.at("id")))?,
            success,
            // The record is written, whatever this says.
            created: saved.at("created").flag().ok().flatten().unwrap_or_default(),
            errors: errors.iter().map(SaveError::read).collect::<Result<_, _>>()?,
        })
    }

    fn lacks_last_name(&self) -> bool {
        let lacking = |error: &SaveError| {
            error.status_code == "REQUIRED_FIELD_MISSING"
                && error.fields.iter().flatten().any(|field| field == LAST_NAME)
        };
        self.errors.iter().any(lacking)
    }

    /// The sent values that an error names, if every error names such values and their content alone.
    fn refused_values(&self, sent: &Sent<'_>) -> Vec<RefusedProperty> {
        let mut refused: Vec<RefusedProperty> = Vec::new();
        for error in &self.errors {
            let named = error.refused_values(sent);
            if named.is_empty() {
                return Vec::new();
            }
            refused.extend(named);
        }
        refused.sort();
        refused.dedup_by(|one, other| one.property == other.property);
        refused
    }

    fn error(&self) -> ProviderError {
        let errors: Vec<Option<ProviderError>> = self.errors.iter().map(SaveError::meaning).collect();
        // What passes counts more than what stays: another try may show it.
        let passes = |error: &&Option<ProviderError>| {
            matches!(error, Some(ProviderError::Unavailable { .. } | ProviderError::RateLimited { .. }))
        };
        match errors.iter().find(passes).or(errors.first()) {
            Some(Some(error)) => error.clone(),
            Some(None) => GONE,
            None => ProviderError::Invalid { status: 400 },
        }
    }
}

impl SaveError {
    fn read(error: &Json) -> Result<Self, ProviderError> {
        let name = |field: &Json| match field {
            Json::Text(name) => Some(name.clone()),
            _ => None,
        };
        let names = |fields: Option<&[Json]>| fields.unwrap_or_default().iter().map(name).collect();
        Ok(Self {
            status_code: needed("statusCode", error.at("statusCode").text())?,
            // What cannot be read costs what it says about the code, and not the code.
            message: error.at("message").text().ok().flatten(),
            fields: error.at("fields").list().ok().and_then(names),
        })
    }

    fn meaning(&self) -> Option<ProviderError> {
        let fields = self.fields.as_deref().unwrap_or_default();
        write_error(&self.status_code, self.message.as_deref(), fields)
    }

    fn refused_values(&self, sent: &Sent<'_>) -> Vec<RefusedProperty> {
        let Some(ProviderError::Refused { code, names_record: true }) = self.meaning() else {
            return Vec::new();
        };
        // Without a value it would be missing too.
        if self.status_code != code || code == "REQUIRED_FIELD_MISSING" {
            return Vec::new();
        }
        let Some(fields) = &self.fields else { return Vec::new() };
        // `FirstName: data value too large`, if the list of fields is empty.
        let in_message =
            self.message.as_deref().filter(|_| fields.is_empty()).and_then(|it| it.split_once(':'));
        let named: Vec<&str> =
            fields.iter().map(String::as_str).chain(in_message.map(|(field, _)| field)).collect();
        let ours = |text: &&str| {
            let property = sent.keys().find(|property| is_named(property, text))?;
            Some(RefusedProperty { property: (*property).to_owned(), code })
        };
        // A field that we do not write stays wrong, whatever we leave out.
        named.iter().map(ours).collect::<Option<_>>().unwrap_or_default()
    }
}
