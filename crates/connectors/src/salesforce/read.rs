//! Contacts by ID, many at once. The batch read answers `null` for each contact that it does not find. Those are searched among
//! all records, deleted ones included, to learn whether they were merged.

use std::collections::{HashMap, HashSet};

use provider_http::json::{Json, needed, readable};
use provider_http::{Answer, ProviderError, ProviderHttp};
use serde::Serialize;

use super::contact_id::ContactId;
use super::error_code::BUSY;
use super::record::{FIELDS, contact};
use crate::mapping::root;
use crate::{Fetched, Mapping};

const BATCH: usize = 2000;
/// Most IDs in one query: each needs 27 characters of the URL, which may have 16,384.
const QUERY_BATCH: usize = 400;

type Known = HashMap<ContactId, Fetched>;

#[derive(Serialize)]
struct RetrieveRequest<'a> {
    ids: Vec<&'a str>,
    fields: Vec<String>,
}

struct Trace {
    id: String,
    is_deleted: bool,
    merged_into: Option<ContactId>,
}

impl Trace {
    fn read(record: &Json) -> Result<Self, ProviderError> {
        Ok(Self {
            id: needed("Id", record.at("Id").id())?,
            is_deleted: needed("IsDeleted", record.at("IsDeleted").flag())?,
            merged_into: readable("MasterRecordId", ContactId::read(record.at("MasterRecordId")))?,
        })
    }
}

pub(crate) async fn fetch_contacts(
    http: &ProviderHttp,
    mapping: &Mapping,
    ids: &[String],
) -> Result<Vec<Fetched>, ProviderError> {
    // A text that cannot be a contact's ID is not sent. A contact that neither call shows may be hidden from our user.
    let places: Vec<Option<ContactId>> = ids.iter().map(|id| ContactId::parse(id)).collect();
    let mut seen = HashSet::new();
    let distinct: Vec<&ContactId> = places.iter().flatten().filter(|id| seen.insert(*id)).collect();
    let mut known = Known::new();
    for batch in distinct.chunks(BATCH) {
        known.extend(fetch_batch(http, mapping, batch).await?);
    }
    let answer = |id: &Option<ContactId>| id.as_ref().and_then(|id| known.get(id)).cloned();
    Ok(places.iter().map(|id| answer(id).unwrap_or(Fetched::NotVisible)).collect())
}

async fn fetch_batch(
    http: &ProviderHttp,
    mapping: &Mapping,
    ids: &[&ContactId],
) -> Result<Known, ProviderError> {
    let mut known = retrieve(http, mapping, ids).await?;
    let missing: Vec<_> = ids.iter().copied().filter(|id| !known.contains_key(*id)).collect();
    let mut restored = Vec::new();
    for part in missing.chunks(QUERY_BATCH) {
        for (id, trace) in traces(http, part).await? {
            if trace.is_deleted {
                let merged_into = trace.merged_into.map(ContactId::into_text);
                known.insert(id.clone(), Fetched::Gone { merged_into });
            } else {
                restored.push(id);
            }
        }
    }
    if !restored.is_empty() {
        // Created or restored between the two calls.
        let found = retrieve(http, mapping, &restored).await?;
        if restored.iter().any(|id| !found.contains_key(*id)) {
            // Deleted again meanwhile: the caller's next try gets an answer.
            return Err(BUSY);
        }
        known.extend(found);
    }
    Ok(known)
}

async fn retrieve(
    http: &ProviderHttp,
    mapping: &Mapping,
    ids: &[&ContactId],
) -> Result<Known, ProviderError> {
    // <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_retrieve.htm>
    let fields = mapping.requested(&FIELDS, root);
    let request = RetrieveRequest { ids: ids.iter().map(|id| id.as_str()).collect(), fields };
    let path = ["composite", "sobjects", "Contact"];
    let answer = http.post_json_to_read::<_, Vec<Json>>(&path, &[], &request).await?;
    let contacts = collection(answer)?;
    if contacts.len() != ids.len() {
        return Err(ProviderError::WHOLE_REPLY_MALFORMED);
    }
    let mut known = Known::new();
    for (id, record) in ids.iter().zip(&contacts) {
        if *record != Json::Null {
            let contact = mapping.add(contact(id, record)?, record);
            known.insert((*id).clone(), Fetched::Found(Box::new(contact)));
        }
    }
    Ok(known)
}

async fn traces<'a>(
    http: &ProviderHttp,
    ids: &[&'a ContactId],
) -> Result<Vec<(&'a ContactId, Trace)>, ProviderError> {
    // An ID is letters and digits, so that it cannot end the quotation.
    // <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_queryall.htm>
    let quoted: Vec<String> = ids.iter().map(|id| format!("'{}'", id.as_str())).collect();
    let query =
        format!("SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE Id IN ({})", quoted.join(","));
    let reply: Json = collection(http.get_json(&["queryAll"], &[("q", &query)], None).await?)?;
    let records = needed("records", reply.at("records").list())?;
    // A record that a total counts and the page lacks must not look like one that is hidden.
    let total = readable("totalSize", reply.at("totalSize").number())?;
    if total.is_some_and(|total| total > records.len() as u64) {
        return Err(ProviderError::WHOLE_REPLY_MALFORMED);
    }
    let asked = |record: &Json| {
        let trace = Trace::read(record)?;
        let id = ids.iter().copied().find(|id| id.as_str() == trace.id);
        id.map(|id| (id, trace)).ok_or(ProviderError::WHOLE_REPLY_MALFORMED)
    };
    records.iter().map(asked).collect()
}

pub(crate) fn collection<T>(answer: Answer<T>) -> Result<T, ProviderError> {
    match answer {
        Answer::Found { value, .. } => Ok(value),
        // The API always has this resource: the base URL or the API version is wrong, which a probe finds too.
        Answer::NotFound | Answer::Gone | Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
    }
}
