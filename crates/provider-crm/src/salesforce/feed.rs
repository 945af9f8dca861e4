//! Contacts that changed, deleted ones included, in the order of their `SystemModstamp`.

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
        Some((resource, page)) => http.get_json::<QueryPage>(&[resource, page], &[], None).await?,
        None => {
            // The time has whole seconds, and a transaction may become visible after others with a later time.
            let since = place.latest.checked_sub(OVERLAP).and_then(soql_time).ok_or(invalid)?;
            let query = format!(
                "SELECT Id, SystemModstamp FROM Contact WHERE SystemModstamp >= {since} ORDER BY SystemModstamp, Id"
            );
            http.get_json(&["queryAll"], &[("q", &query)], None).await?
        }
    };
    read(place, collection(answer)?)
}

fn read(place: Place, page: QueryPage) -> Result<ChangedPage, ProviderError> {
    let malformed = ProviderError::WHOLE_REPLY_MALFORMED;
    let rest = match &page.next_records_url {
        Some(url) => Some(page_of(url).ok_or_else(|| malformed.clone())?),
        None if page.done => None,
        None => return Err(malformed),
    };
    let changes = page.records.iter().filter_map(|row| row.system_modstamp);
    let latest = changes.chain([place.latest]).max().unwrap_or(place.latest);
    let more = rest.is_some();
    let next = serde_json::to_string(&Place { latest, rest }).map_err(|_| malformed)?;
    Ok(ChangedPage {
        ids: page.records.into_iter().map(|row| row.id).collect(),
        next,
        more,
        unreadable: Vec::new(),
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

    #[test]
    fn a_query_that_is_not_done_and_has_no_next_page_is_malformed() {
        let place = Place { latest: OffsetDateTime::UNIX_EPOCH, rest: None };
        let page = QueryPage { total_size: 1, done: false, next_records_url: None, records: Vec::new() };
        assert!(read(place, page).is_err());
    }
}
