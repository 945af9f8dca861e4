//! All contacts, in the order of their IDs:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm>.

use provider_http::json::{Json, needed, readable};
use provider_http::{ListedPage, ListedRecord, ProviderError, ProviderHttp, readable_records};
use time::OffsetDateTime;

use super::contact_id::ContactId;
use super::read::collection;

/// The fewest records of a page that is not the last one:
/// <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_queryoptions.htm>.
const FULL_PAGE: usize = 200;

/// A page of a query. A record without a contact's ID is counted, and costs no other.
pub(crate) struct QueryPage {
    pub(crate) total: Option<usize>,
    pub(crate) done: bool,
    pub(crate) next_records_url: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) unreadable: Vec<String>,
}

pub(crate) struct Row {
    pub(crate) id: ContactId,
    pub(crate) system_modstamp: Option<OffsetDateTime>,
}

impl QueryPage {
    pub(crate) fn read(page: &Json) -> Result<Self, ProviderError> {
        let records = needed("records", page.at("records").list())?;
        let row = |record: &Json| {
            let id = ContactId::read(record.at("Id")).ok().flatten()?;
            Some(Row { id, system_modstamp: record.at("SystemModstamp").time().ok().flatten() })
        };
        let (rows, unreadable) = readable_records(records, 1, row);
        let total = readable("totalSize", page.at("totalSize").number())?;
        Ok(Self {
            total: total.and_then(|total| usize::try_from(total).ok()),
            done: needed("done", page.at("done").flag())?,
            next_records_url: readable("nextRecordsUrl", page.at("nextRecordsUrl").text())?,
            rows,
            unreadable,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() + self.unreadable.len()
    }
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
    let page: Json = collection(http.get_json(&["query"], &[("q", &query)], None).await?)?;
    Ok(read(QueryPage::read(&page)?, after.is_none()))
}

fn read(page: QueryPage, first: bool) -> ListedPage {
    let total = page.total.unwrap_or(0);
    let short = page.len() == 0 && total > 0 || page.done && page.len() < total;
    // A full page is never the last one, whatever it says: its total may count this page alone.
    let full = page.len() >= FULL_PAGE;
    let next = page.rows.last().filter(|_| full || !page.done).map(|last| last.id.as_str().to_owned());
    let listed = |row: &Row| ListedRecord { id: row.id.as_str().to_owned(), version: row.system_modstamp };
    ListedPage {
        records: page.rows.iter().map(listed).collect(),
        next,
        total: page
            .total
            .filter(|_| first && !(full && page.done))
            .and_then(|total| u64::try_from(total).ok()),
        doubt: short.then_some("a page has fewer contacts than its total says"),
        unreadable: page.unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> String {
        format!("003{number:012}AAA")
    }

    fn page(total: usize, done: bool, records: std::ops::Range<usize>) -> ListedPage {
        let records: Vec<String> = records.map(|number| format!(r#"{{"Id":"{}"}}"#, id(number))).collect();
        listed(&format!(r#"{{"totalSize":{total},"done":{done},"records":[{}]}}"#, records.join(",")))
            .unwrap()
    }

    fn listed(page: &str) -> Result<ListedPage, ProviderError> {
        Ok(read(QueryPage::read(&serde_json::from_str(page).unwrap())?, true))
    }

    #[test]
    fn the_next_page_begins_after_the_last_contact() {
        let first = page(3, false, 0..2);
        assert_eq!((first.next, first.total, first.doubt), (Some(id(1)), Some(3), None));
        let last = page(1, true, 2..3);
        assert_eq!((last.next, last.total, last.doubt), (None, Some(1), None));
        assert_eq!(page(0, true, 0..0).doubt, None);
    }

    #[test]
    fn a_full_page_is_never_the_last_one() {
        let full = page(200, true, 0..200);
        assert_eq!((full.next, full.total, full.doubt), (Some(id(199)), None, None));
        assert_eq!(page(199, true, 0..199).next, None);
    }

    #[test]
    fn a_page_with_fewer_contacts_than_its_total_says_is_in_doubt() {
        assert!(page(3, true, 0..1).doubt.is_some());
        assert!(page(3, true, 0..0).doubt.is_some() && page(3, false, 0..0).doubt.is_some());
    }

    #[test]
    fn a_record_without_an_id_costs_no_other_and_is_named() {
        let odd = format!(
            r#"{{"totalsize":"4","done":"true","records":[{{"Id":"003*"}},{{"id":"{}","SystemModstamp":7}},{{}},null]}}"#,
            id(1)
        );
        let page = listed(&odd).unwrap();
        assert_eq!(page.records, [ListedRecord { id: id(1), version: None }]);
        assert_eq!((page.next, page.total), (None, Some(4)));
        assert_eq!(
            (page.doubt, page.unreadable.as_slice()),
            (None, &["record 1", "record 3", "record 4"].map(String::from)[..])
        );
        for (page, field) in [
            ("{}", "records"),
            (r#"{"done":true,"records":null}"#, "records"),
            (r#"{"records":[]}"#, "done"),
            (r#"{"done":true,"records":[],"totalSize":"many"}"#, "totalSize"),
        ] {
            assert_eq!(listed(page).unwrap_err(), ProviderError::Unreadable { field }, "{page}");
        }
    }
}
