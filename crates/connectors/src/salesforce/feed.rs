//! Contacts that changed, deleted ones included, in the order of their `SystemModstamp`.

use provider_http::json::Json;
use provider_http::{ChangedPage, ChangesFrom, ProviderError, ProviderHttp};
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::listing::QueryPage;
use super::read::collection;

/// How much is read again. Salesforce ends a transaction that runs for longer.
const OVERLAP: Duration = Duration::minutes(10);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    #[serde(with = "time::serde::rfc3339")]
    latest: OffsetDateTime,
    /// The rest of a query that has more pages: the resource and the page.
    rest: Option<(String, String)>,
}

pub(crate) async fn changes(
    http: &ProviderHttp,
    from: ChangesFrom<'_>,
) -> Result<ChangedPage, ProviderError> {
    let invalid = ProviderError::Invalid { status: 400 };
    let place = match from {
        ChangesFrom::Time(since) => Place { latest: since + OVERLAP, rest: None },
        ChangesFrom::Cursor(cursor) => serde_json::from_str(cursor).map_err(|_| invalid.clone())?,
    };
    let answer = match &place.rest {
        // We follow the query's pages, since thousands of contacts may have changed in one second.
        Some((resource, page)) => http.get_json::<Json>(&[resource, page], &[], None).await?,
        None => {
            // The time has whole seconds, and a transaction may become visible after others with a later time.
            let since = place.latest.checked_sub(OVERLAP).and_then(soql_time).ok_or(invalid)?;
            let query = format!(
                "SELECT Id, SystemModstamp FROM Contact WHERE SystemModstamp >= {since} ORDER BY SystemModstamp, Id"
            );
            http.get_json(&["queryAll"], &[("q", &query)], None).await?
        }
    };
    read(place, QueryPage::read(&collection(answer)?)?)
}

fn read(place: Place, page: QueryPage) -> Result<ChangedPage, ProviderError> {
    let malformed = ProviderError::WHOLE_REPLY_MALFORMED;
    let rest = match &page.next_records_url {
        Some(url) => Some(page_of(url).ok_or_else(|| malformed.clone())?),
        None if page.done => None,
        None => return Err(malformed),
    };
    let total = page.total.unwrap_or(0);
    // The total is that of the whole query. Records that it counts and the page lacks would be skipped for good.
    let short = page.len() == 0 && total > 0 || place.rest.is_none() && page.done && page.len() < total;
    if short {
        return Err(malformed);
    }
    let changes: Vec<OffsetDateTime> = page.rows.iter().filter_map(|row| row.system_modstamp).collect();
    // A page that is not in order shows nothing about what comes after it.
    let newest = changes.last().copied().filter(|_| changes.is_sorted());
    let latest = newest.map_or(place.latest, |newest| newest.max(place.latest));
    let more = rest.is_some();
    let next = serde_json::to_string(&Place { latest, rest }).map_err(|_| malformed)?;
    Ok(ChangedPage {
        ids: page.rows.iter().map(|row| row.id.as_str().to_owned()).collect(),
        next,
        more,
        unreadable: page.unreadable,
    })
}

/// The resource and the page in `/services/data/v60.0/query/01g…-2000`. The rest of the URL is ignored.
fn page_of(url: &str) -> Option<(String, String)> {
    let (rest, page) = url.rsplit_once('/')?;
    let (_, resource) = rest.rsplit_once('/')?;
    let known = ["query", "queryAll"].contains(&resource);
    let formed = !page.is_empty() && page.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (known && formed).then(|| (resource.to_owned(), page.to_owned()))
}

fn soql_time(time: OffsetDateTime) -> Option<String> {
    time.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_url_that_is_no_page_of_a_query_is_refused() {
        let page = |resource: &str, page: &str| Some((resource.to_owned(), page.to_owned()));
        assert_eq!(page_of("/services/data/v60.0/query/01g9x-2000"), page("query", "01g9x-2000"));
        assert_eq!(page_of("/services/data/v60.0/queryAll/01g9x-2000"), page("queryAll", "01g9x-2000"));
        for url in
            ["/services/data/v60.0/limits/01g", "query/", "/query/a?b=c", "https://elsewhere.example", ""]
        {
            assert_eq!(page_of(url), None, "{url}");
        }
    }

    fn place() -> Place {
        Place { latest: OffsetDateTime::UNIX_EPOCH, rest: None }
    }

    fn read_page(page: &str) -> Result<ChangedPage, ProviderError> {
        read(place(), QueryPage::read(&serde_json::from_str(page).unwrap()).unwrap())
    }

    #[test]
    fn a_query_that_is_not_done_and_has_no_next_page_is_malformed() {
        assert!(read_page(r#"{"totalSize":1,"done":false,"records":[]}"#).is_err());
    }

    #[test]
    fn a_page_with_fewer_changes_than_its_total_says_moves_no_cursor() {
        let row = r#"{"Id":"003000000000001AAA","SystemModstamp":"2026-11-20T15:10:42.000+0000"}"#;
        for (total, done, rows) in [(2, true, row), (7, true, ""), (7, false, "")] {
            let next = if done { "" } else { r#","nextRecordsUrl":"/services/data/v60.0/query/01g-2000""# };
            let page = format!(r#"{{"totalSize":{total},"done":{done}{next},"records":[{rows}]}}"#);
            assert_eq!(read_page(&page), Err(ProviderError::WHOLE_REPLY_MALFORMED), "{page}");
        }
        let whole = read_page(&format!(r#"{{"totalSize":1,"done":true,"records":[{row}]}}"#)).unwrap();
        assert!(whole.next.contains("2026-11-20T15:10:42Z") && !whole.more, "{}", whole.next);
    }

    #[test]
    fn a_page_that_is_not_in_order_moves_no_time() {
        let row = |number: u8, minute: u8| {
            format!(r#"{{"Id":"00300000000000{number}AAA","SystemModstamp":"2026-11-20T15:{minute}:42Z"}}"#)
        };
        let page = format!(r#"{{"totalSize":2,"done":true,"records":[{},{}]}}"#, row(1, 20), row(2, 10));
        let changed = read_page(&page).unwrap();
        assert_eq!(changed.ids.len(), 2);
        assert!(changed.next.contains("1970-01-01"), "{}", changed.next);
    }
}
