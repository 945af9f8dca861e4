//! The delta query as a feed of changed users (<https://learn.microsoft.com/graph/delta-query-users>). It has no beginning in
//! time: the first round lists every user. A round ends with a link to the next one, whose token lives for seven days.

use provider_http::json::Json;
use provider_http::{ChangedPage, ChangesFrom, ProviderError, ProviderHttp, readable_records};

use super::listing::{SKIP_TOKEN, id, items, token};

pub(crate) const DELTA: &[&str] = &["users", "delta"];

const DELTA_TOKEN: &str = "$deltatoken";

/// Graph no longer knows the place. That says nothing about any user.
pub(crate) const UNKNOWN_PLACE: ProviderError = ProviderError::Invalid { status: 410 };

/// The codes that say the same: <https://learn.microsoft.com/graph/delta-query-overview>.
const UNKNOWN_PLACE_CODES: [&str; 4] =
    ["Directory_ExpiredPageToken", "resyncRequired", "syncStateInvalid", "syncStateNotFound"];

/// Where a page of the feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// With every user.
    Beginning,
    /// Within a round.
    Within(&'a str),
    /// Where an earlier round ended.
    Round(&'a str),
}

const WITHIN: &str = "within ";
const ROUND: &str = "round ";

impl<'a> Place<'a> {
    pub(crate) fn read(from: ChangesFrom<'a>) -> Option<Self> {
        let ChangesFrom::Cursor(cursor) = from else { return Some(Self::Beginning) };
        let token = |rest: &'a str| Some(rest).filter(|rest| !rest.is_empty());
        match (cursor.strip_prefix(WITHIN), cursor.strip_prefix(ROUND)) {
            (Some(rest), _) => token(rest).map(Self::Within),
            (None, Some(rest)) => token(rest).map(Self::Round),
            (None, None) => None,
        }
    }

    /// A token has the query of the first page in it.
    pub(crate) const fn query(self, select: &'a str) -> (&'static str, &'a str) {
        match self {
            Self::Beginning => ("$select", select),
            Self::Within(token) => (SKIP_TOKEN, token),
            Self::Round(token) => (DELTA_TOKEN, token),
        }
    }

    pub(crate) fn page(self, http: &ProviderHttp, page: &Json) -> Result<ChangedPage, ProviderError> {
        // A page may be empty, an item may be on several pages, and a deleted one has `@removed` beside its ID. What the user
        // is now is read by its ID: later pages lack `accountEnabled`.
        let (ids, unreadable) = readable_records(items(page)?, 1, id);
        let next = token(http, page, "@odata.nextLink", DELTA, SKIP_TOKEN)?;
        let round = token(http, page, "@odata.deltaLink", DELTA, DELTA_TOKEN)?;
        let (next, more) = match (next, round) {
            // A feed that links to itself would never end.
            (Some(next), None) if self == Place::Within(&next) => return Err(ProviderError::WRONG_LINK),
            (Some(next), None) => (format!("{WITHIN}{next}"), true),
            (None, Some(round)) => (format!("{ROUND}{round}"), false),
            (None, None) | (Some(_), Some(_)) => return Err(ProviderError::WRONG_LINK),
        };
        Ok(ChangedPage { ids, next, more, unreadable })
    }
}

/// A refusal of the place as the error that callers know.
pub(crate) fn failure(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Refused { code, .. } if UNKNOWN_PLACE_CODES.contains(&code) => UNKNOWN_PLACE,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn a_place_is_read_back_from_its_cursor() {
        let read = |cursor| Place::read(ChangesFrom::Cursor(cursor));
        assert_eq!(read("within a b"), Some(Place::Within("a b")));
        assert_eq!(read("round x"), Some(Place::Round("x")));
        for other in ["", "within ", "round ", "x", "$deltatoken=x"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(Place::read(ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH)), Some(Place::Beginning));
    }
}
