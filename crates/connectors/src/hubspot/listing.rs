//! All contacts that are not archived, in the order of their IDs:
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/objects/contacts/get-contacts>.

use provider_http::json::{Json, needed, readable};
use provider_http::{ListedPage, ListedRecord, ProviderError, ProviderHttp, readable_records};

use super::read::collection;
use super::record::id;

/// Without this, a page has names and addresses.
const ID_ALONE: (&str, &str) = ("properties", "hs_object_id");

pub(crate) async fn list(http: &ProviderHttp, after: Option<&str>) -> Result<ListedPage, ProviderError> {
    let after = after.map(|after| ("after", after));
    let query: Vec<(&str, &str)> = [("limit", "100"), ID_ALONE].into_iter().chain(after).collect();
    read(&collection(http.get_json(&["contacts"], &query, None).await?)?)
}

pub(crate) async fn ping(http: &ProviderHttp) -> Result<(), ProviderError> {
    let page: Json = collection(http.get_json(&["contacts"], &[("limit", "1"), ID_ALONE], None).await?)?;
    needed("results", page.at("results").list()).map(drop)
}

fn read(page: &Json) -> Result<ListedPage, ProviderError> {
    let results = needed("results", page.at("results").list())?;
    let listed = |record: &Json| {
        let version = record.at("updatedAt").time().ok().flatten();
        Some(ListedRecord { id: id(record).ok()?, version })
    };
    let (records, unreadable) = readable_records(results, 1, listed);
    let next = next(page)?;
    let doubt =
        (next.is_some() && results.is_empty()).then_some("a page that is not the last has no contact");
    // HubSpot states no total here.
    Ok(ListedPage { records, next, total: None, doubt, unreadable })
}

/// The cursor of the next page. Its link is not followed.
pub(crate) fn next(page: &Json) -> Result<Option<String>, ProviderError> {
    readable("paging.next.after", page.at("paging").at("next").at("after").id())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Result<ListedPage, ProviderError> {
        read(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_next_page_begins_at_the_cursor_and_not_at_the_link() {
        let first = page(
            r#"{"results":[{"id":"7001","updatedAt":"2026-05-01T10:00:00.120Z","archived":false},{"id":"7002"}],
                "paging":{"next":{"after":"7003","link":"https://elsewhere.example/?after=9"}}}"#,
        )
        .unwrap();
        assert_eq!((first.next.as_deref(), first.total, first.doubt), (Some("7003"), None, None));
        assert_eq!(
            first.records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(),
            ["7001", "7002"]
        );
        assert!(first.records[0].version.is_some() && first.records[1].version.is_none());
        for last in [r#"{"results":[]}"#, r#"{"results":[],"paging":null}"#, r#"{"results":[],"paging":{}}"#]
        {
            assert_eq!(page(last).map(|page| (page.next, page.doubt)), Ok((None, None)), "{last}");
        }
    }

    #[test]
    fn an_odd_page_is_in_doubt_or_refused_and_an_odd_record_costs_no_other() {
        let empty = page(r#"{"results":[],"paging":{"next":{"after":"7003"}}}"#).unwrap();
        assert!(empty.doubt.is_some());
        let odd = page(r#"{"results":[{"id":"mara"},{"id":7002},{},null]}"#).unwrap();
        assert_eq!(odd.records, [ListedRecord { id: "7002".into(), version: None }]);
        assert_eq!(odd.unreadable, ["record 1", "record 3", "record 4"]);
        for (text, field) in [
            ("{}", "results"),
            (r#"{"results":null}"#, "results"),
            (r#"{"results":[],"paging":"mara"}"#, "paging.next.after"),
            (r#"{"results":[],"paging":{"next":{"after":{}}}}"#, "paging.next.after"),
        ] {
            assert_eq!(page(text), Err(ProviderError::Unreadable { field }), "{text}");
        }
    }
}
