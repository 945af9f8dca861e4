//! Contacts that changed, by search, in the order of `lastmodifieddate`. Archived contacts are not among them.
//! <https://developers.hubspot.com/docs/api-reference/latest/crm/search-the-crm>
//!
//! A search ends at 10,000 results, and has one sort. So each page is a search of its own from the last time on, and its first page
//! only is read. If a whole page has one time, the contacts of that time are read in the order of their IDs.

use provider_http::json::{Json, needed};
use provider_http::{ChangedPage, ChangesFrom, ProviderError, ProviderHttp, readable_records};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::listing::next;
use super::numeric_id::numeric_id;
use super::read::collection;
use super::record::id;

/// How much is read again: the index shows a change late, by "a few moments".
const OVERLAP: Duration = Duration::minutes(10);
/// The largest page.
const PAGE: usize = 200;
/// Times have milliseconds.
const TICK: Duration = Duration::milliseconds(1);

/// Where the feed is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The last time of a change that was seen.
    #[serde(with = "time::serde::rfc3339")]
    latest: OffsetDateTime,
    /// Where the next page of this round begins. `None`: a new round begins.
    rest: Option<Rest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rest {
    /// Changes at this time and later.
    Since(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
    /// Changes at this time, of contacts with a higher ID.
    Within {
        #[serde(with = "time::serde::rfc3339")]
        time: OffsetDateTime,
        after: String,
    },
}

struct Row {
    id: String,
    changed_at: Option<OffsetDateTime>,
}

impl Row {
    fn number(&self) -> u64 {
        self.id.parse().unwrap_or_default()
    }
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
    let rest = match place.rest {
        Some(rest) => rest,
        None => Rest::Since(place.latest.checked_sub(OVERLAP).ok_or_else(|| invalid.clone())?),
    };
    let request = rest.search().ok_or(invalid)?;
    let path = ["contacts", "search"];
    let page: Json = collection(http.post_json_to_read(&path, &[], &request).await?)?;
    read(place.latest, rest, &page)
}

impl Rest {
    fn search(&self) -> Option<Value> {
        let (filters, sort) = match self {
            Self::Since(time) => {
                (vec![filter("lastmodifieddate", "GTE", &millis(*time))], "lastmodifieddate")
            }
            Self::Within { time, after } => {
                let after = numeric_id(after)?;
                let same = filter("lastmodifieddate", "EQ", &millis(*time));
                (vec![same, filter("hs_object_id", "GT", &after)], "hs_object_id")
            }
        };
        Some(json!({
            "filterGroups": [{ "filters": filters }],
            "sorts": [{ "propertyName": sort, "direction": "ASCENDING" }],
            "properties": ["lastmodifieddate"],
            "limit": PAGE,
        }))
    }
}

fn filter(property: &str, operator: &str, value: &str) -> Value {
    json!({ "propertyName": property, "operator": operator, "value": value })
}

fn millis(time: OffsetDateTime) -> String {
    time.unix_timestamp_nanos().div_euclid(1_000_000).to_string()
}

fn read(latest: OffsetDateTime, asked: Rest, page: &Json) -> Result<ChangedPage, ProviderError> {
    let malformed = || ProviderError::WHOLE_REPLY_MALFORMED;
    let results = needed("results", page.at("results").list())?;
    let row = |record: &Json| {
        let of_property = record.at("properties").at("lastmodifieddate").time().ok().flatten();
        let changed_at = of_property.or_else(|| record.at("updatedAt").time().ok().flatten());
        Some(Row { id: id(record).ok()?, changed_at })
    };
    let (rows, unreadable) = readable_records(results, 1, row);
    // The total is never used: it may be that of another moment.
    let full = results.len() >= PAGE || next(page)?.is_some();
    if full && rows.is_empty() {
        return Err(malformed());
    }
    let times: Vec<OffsetDateTime> = rows.iter().filter_map(|row| row.changed_at).collect();
    let rest = match &asked {
        Rest::Since(_) if !full => None,
        Rest::Since(since) => {
            // A full page that is not in order shows nothing about what comes after it.
            let last = times.last().copied().filter(|_| times.is_sorted()).ok_or_else(malformed)?;
            // Older than what was asked for: it is no answer, and would lead in a circle.
            if last + TICK <= *since {
                return Err(malformed());
            }
            let within = Rest::Within { time: last, after: "0".to_owned() };
            Some(if times.first() == Some(&last) { within } else { Rest::Since(last) })
        }
        // Also after a page that is not full: a search may show less than it has.
        Rest::Within { time, after } => Some(match rows.iter().map(Row::number).max() {
            Some(highest) if Some(highest) <= after.parse().ok() => return Err(malformed()),
            Some(highest) => Rest::Within { time: *time, after: highest.to_string() },
            None => Rest::Since(*time + TICK),
        }),
    };
    let newest = times.into_iter().filter(|_| matches!(asked, Rest::Since(_))).max();
    let latest = newest.map_or(latest, |newest| newest.max(latest));
    let more = rest.is_some();
    let next = serde_json::to_string(&Place { latest, rest }).map_err(|_| malformed())?;
    Ok(ChangedPage { ids: rows.into_iter().map(|row| row.id).collect(), next, more, unreadable })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const LATEST: OffsetDateTime = datetime!(2026-05-01 10:00 UTC);

    fn row(id: usize, millis: i64) -> Value {
        let time =
            (LATEST + Duration::milliseconds(millis)).format(&time::format_description::well_known::Rfc3339);
        json!({"id": id.to_string(), "properties": {"lastmodifieddate": time.unwrap()}})
    }

    fn page(asked: Rest, rows: &[Value]) -> Result<(ChangedPage, Place), ProviderError> {
        let page = json!({"total": 3, "results": rows}).to_string();
        let read = read(LATEST, asked, &serde_json::from_str(&page).unwrap())?;
        let place = serde_json::from_str(&read.next).unwrap();
        Ok((read, place))
    }

    fn since(millis: i64) -> Rest {
        Rest::Since(LATEST + Duration::milliseconds(millis))
    }

    fn within(millis: i64, after: &str) -> Rest {
        Rest::Within { time: LATEST + Duration::milliseconds(millis), after: after.to_owned() }
    }

    #[test]
    fn a_full_page_is_followed_by_a_search_from_its_last_time_on() {
        let rows: Vec<Value> =
            (0..200).map(|number| row(number + 1, i64::try_from(number).unwrap())).collect();
        let (read, place) = page(since(-600_000), &rows).unwrap();
        assert!(read.more && read.ids.len() == 200);
        assert_eq!((place.rest, place.latest), (Some(since(199)), LATEST + Duration::milliseconds(199)));
        let (read, place) = page(since(199), &rows[199..]).unwrap();
        assert!(!read.more && place.rest.is_none());
    }

    #[test]
    fn contacts_of_one_time_are_read_in_the_order_of_their_ids_until_a_page_is_empty() {
        let rows: Vec<Value> = (0..200).map(|number| row(number + 1, 5)).collect();
        assert_eq!(page(since(5), &rows).unwrap().1.rest, Some(within(5, "0")));
        assert_eq!(page(within(5, "0"), &rows).unwrap().1.rest, Some(within(5, "200")));
        assert_eq!(page(within(5, "200"), &[row(207, 5)]).unwrap().1.rest, Some(within(5, "207")));
        assert_eq!(page(within(5, "207"), &[]).unwrap().1.rest, Some(since(6)));
    }

    #[test]
    fn a_page_that_would_lead_in_a_circle_is_refused() {
        let same: Vec<Value> = (0..200).map(|number| row(number + 1, 5)).collect();
        let mut unordered = same.clone();
        unordered[7] = row(8, 9);
        for (asked, rows) in [(since(7), &same), (within(5, "200"), &same), (since(0), &unordered)] {
            assert_eq!(
                page(asked.clone(), rows).map(|_| ()),
                Err(ProviderError::WHOLE_REPLY_MALFORMED),
                "{asked:?}"
            );
        }
        let odd = json!({"results": [{"id": "mara"}], "paging": {"next": {"after": "1"}}}).to_string();
        let read = read(LATEST, since(0), &serde_json::from_str(&odd).unwrap());
        assert_eq!(read, Err(ProviderError::WHOLE_REPLY_MALFORMED));
    }

    #[test]
    fn a_cursor_of_another_form_is_refused() {
        assert_eq!(within(5, "1 OR 1").search(), None);
        assert!(within(5, "7001").search().is_some());
    }
}
