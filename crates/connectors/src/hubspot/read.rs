//! Contacts by ID, many at once. The reply lists the contacts that are there, and one error that names all the others:
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/batch/get-contacts>.
//!
//! | the batch read of living contacts has | answer |
//! |---|---|
//! | the contact | found |
//! | another contact, into which this one was merged | gone, merged |
//! | neither, and the read of archived contacts has it | gone. It may be restored |
//! | neither, in both | not visible: that proves nothing |

use std::collections::{HashMap, HashSet};

use provider_http::json::{Json, needed, readable};
use provider_http::{Answer, ProviderError, ProviderHttp};
use serde_json::json;

use super::error_code::{Sent, entry_error, missing_ids};
use super::numeric_id::numeric_id;
use super::record::{MERGED, VALUES, contact, id, merged};
use crate::{Fetched, Mapping, Record};

const BATCH: usize = 100;

type Known = HashMap<String, Fetched>;

struct Row<'a> {
    id: String,
    merged: Vec<String>,
    record: &'a Json,
}

/// What a read needs.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) http: &'a ProviderHttp,
    pub(crate) key_property: &'a str,
    pub(crate) mapping: &'a Mapping,
}

impl Reader<'_> {
    pub(crate) async fn fetch_contacts(self, ids: &[String]) -> Result<Vec<Fetched>, ProviderError> {
        // A text that cannot be a contact's ID is not sent.
        let places: Vec<Option<String>> = ids.iter().map(|id| numeric_id(id)).collect();
        let mut seen = HashSet::new();
        let distinct: Vec<&str> =
            places.iter().flatten().map(String::as_str).filter(|id| seen.insert(*id)).collect();
        let mut known = Known::new();
        for batch in distinct.chunks(BATCH) {
            let living = self.ask(batch, false).await?;
            let missing: Vec<&str> = batch.iter().copied().filter(|id| !living.contains_key(*id)).collect();
            known.extend(living);
            if !missing.is_empty() {
                // One that was restored between the two calls is found here.
                known.extend(self.ask(&missing, true).await?);
            }
        }
        let answer = |id: &Option<String>| id.as_ref().and_then(|id| known.get(id)).cloned();
        Ok(places.iter().map(|id| answer(id).unwrap_or(Fetched::NotVisible)).collect())
    }

    /// What the API says about these contacts. One that it does not find is not there.
    async fn ask(self, ids: &[&str], archived: bool) -> Result<Known, ProviderError> {
        let reply = self.batch_read(ids, archived).await?;
        let mut known = self.answers(&reply, ids, archived)?;
        let missed = missing(&reply)?;
        let open: Vec<&str> =
            ids.iter().copied().filter(|id| !known.contains_key(*id) && !missed.contains(*id)).collect();
        for id in open {
            // Neither found nor missed: the reply has another contact in its place. Alone, it is clear which one.
            let reply = self.batch_read(&[id], archived).await?;
            missing(&reply)?;
            let alone = self.answers(&reply, &[id], archived)?;
            known.extend(alone.into_iter().chain(survivor(&reply, id)?));
        }
        Ok(known)
    }

    async fn batch_read(self, ids: &[&str], archived: bool) -> Result<Json, ProviderError> {
        let own: Vec<&str> = VALUES.into_iter().chain([MERGED, self.key_property]).collect();
        let properties = self.mapping.requested(&own, property_of);
        let inputs: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let archived = if archived { "true" } else { "false" };
        let request = json!({ "properties": properties, "inputs": inputs });
        let path = ["contacts", "batch", "read"];
        collection(self.http.post_json_to_read(&path, &[("archived", archived)], &request).await?)
    }

    /// The answers about the contacts that a reply has, and about those that were merged into them.
    fn answers(self, reply: &Json, ids: &[&str], archived: bool) -> Result<Known, ProviderError> {
        let rows = rows(reply)?;
        let mut known = Known::new();
        for row in &rows {
            let gone = |merged_into| Fetched::Gone { merged_into };
            for merged in row.merged.iter().filter(|merged| ids.contains(&merged.as_str())) {
                known.entry(merged.clone()).or_insert_with(|| gone(Some(row.id.clone())));
            }
            if ids.contains(&row.id.as_str()) {
                let is_archived = readable("archived", row.record.at("archived").flag())?.unwrap_or(archived);
                let answer =
                    if is_archived { gone(None) } else { Fetched::Found(Box::new(self.contact(row)?)) };
                known.insert(row.id.clone(), answer);
            }
        }
        Ok(known)
    }

    fn contact(self, row: &Row<'_>) -> Result<Record, ProviderError> {
        Ok(self.mapping.add(contact(&row.id, self.key_property, row.record)?, row.record))
    }
}

/// The property that a mapped path leads to. What is beside the properties comes with every answer.
fn property_of(path: &[String]) -> Option<String> {
    match path {
        [first, property, ..] if first.eq_ignore_ascii_case("properties") => Some(property.clone()),
        _ => None,
    }
}

fn rows(reply: &Json) -> Result<Vec<Row<'_>>, ProviderError> {
    let rows = needed("results", reply.at("results").list())?;
    rows.iter().map(|record| Ok(Row { id: id(record)?, merged: merged(record), record })).collect()
}

/// The one contact of the reply to a request for `id` alone. If it has another ID, it is the contact that is left of a merge.
fn survivor(reply: &Json, id: &str) -> Result<Option<(String, Fetched)>, ProviderError> {
    match rows(reply)?.as_slice() {
        [] => Ok(None),
        [row] if row.id == id => Ok(None),
        [row] => Ok(Some((id.to_owned(), Fetched::Gone { merged_into: Some(row.id.clone()) }))),
        _ => Err(ProviderError::WHOLE_REPLY_MALFORMED),
    }
}

/// The contacts that a reply says are not there. Any other error in it is that of the whole request.
fn missing(reply: &Json) -> Result<HashSet<String>, ProviderError> {
    let errors = readable("errors", reply.at("errors").list())?.unwrap_or_default();
    let mut missing = HashSet::new();
    for error in errors {
        missing.extend(missing_ids(error).ok_or_else(|| entry_error(error, &Sent::new()).error)?);
    }
    Ok(missing)
}

pub(crate) fn collection<T>(answer: Answer<T>) -> Result<T, ProviderError> {
    match answer {
        Answer::Found { value, .. } => Ok(value),
        // The API always has this resource: the base URL or the API version is wrong, which a probe finds too.
        Answer::NotFound | Answer::Gone | Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
    }
}
