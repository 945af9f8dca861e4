//! All contacts, in the order of their IDs:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm>.

use provider_http::{ListedPage, ListedRecord, ProviderError, ProviderHttp};
use serde::Deserialize;
use time::OffsetDateTime;

use super::contact_id::ContactId;
use super::read::collection;
use super::record::time;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryPage {
    pub(crate) total_size: usize,
    pub(crate) done: bool,
    #[serde(default)]
    pub(crate) next_records_url: Option<String>,
    pub(crate) records: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Row {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "time")]
    pub(crate) system_modstamp: Option<OffsetDateTime>,
}

pub(crate) async fn list(http: &ProviderHttp, after: Option<&str>) -> Result<ListedPage, ProviderError> {
    let after = match after {
        Some(id) => Some(ContactId::parse(id).ok_or(ProviderError::Invalid { status: 400 })?),
        None => None,
    };
    // Each page is a query of its own: if a contact comes, changes or goes meanwhile, no other contact shifts, and an
    // interrupted listing can continue later. An ID is letters and digits, so that it cannot end the quotation.
    let condition = after.as_ref().map_or_else(String::new, |id| format!(" WHERE Id > '{}'", id.as_str()));
    let query = format!("SELECT Id, SystemModstamp FROM Contact{condition} ORDER BY Id");
    let page: QueryPage = collection(http.get_json(&["query"], &[("q", &query)], None).await?)?;
    Ok(read(page, after.is_none()))
}

fn read(page: QueryPage, first: bool) -> ListedPage {
    let short =
        page.records.is_empty() && page.total_size > 0 || page.done && page.records.len() < page.total_size;
    let next = page.records.last().filter(|_| !page.done).map(|last| last.id.clone());
    let listed = |row: Row| ListedRecord { id: row.id, version: row.system_modstamp };
    ListedPage {
        records: page.records.into_iter().map(listed).collect(),
        next,
        total: u64::try_from(page.total_size).ok().filter(|_| first),
        doubt: short.then_some("a page has fewer contacts than its total says"),
        unreadable: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(total_size: usize, done: bool, ids: &[&str]) -> ListedPage {
        let records = ids.iter().map(|id| Row { id: String::from(*id), system_modstamp: None }).collect();
        read(QueryPage { total_size, done, next_records_url: None, records }, true)
    }

    #[test]
    fn the_next_page_begins_after_the_last_contact() {
        let first = page(3, false, &["a", "b"]);
        assert_eq!((first.next.as_deref(), first.total, first.doubt), (Some("b"), Some(3), None));
        let last = page(1, true, &["c"]);
        assert_eq!((last.next, last.doubt), (None, None));
        assert_eq!(page(0, true, &[]).doubt, None);
    }

    #[test]
    fn a_page_with_fewer_contacts_than_its_total_says_is_in_doubt() {
        assert!(page(3, true, &["a"]).doubt.is_some());
        assert!(page(3, true, &[]).doubt.is_some() && page(3, false, &[]).doubt.is_some());
    }
}
