//! The list of all users (<https://learn.microsoft.com/graph/api/user-list>), without deleted ones.

use provider_http::json::{Json, readable};
use provider_http::{ListedPage, ListedRecord, ProviderError, ProviderHttp, readable_records};

use super::guid::guid;

/// Users on a page: the most that Graph allows.
pub(crate) const PAGE: usize = 999;

pub(crate) const USERS: &[&str] = &["users"];

/// Where the next page begins, in a link of Graph's.
pub(crate) const SKIP_TOKEN: &str = "$skiptoken";

/// The items of a page of Graph's. A page without a list is no empty page.
pub(crate) fn items(page: &Json) -> Result<&[Json], ProviderError> {
    readable("value", page.at("value").list())?.ok_or(ProviderError::Unreadable { field: "value" })
}

/// The token in this link of a page, which must lead to `path`.
pub(crate) fn token(
    http: &ProviderHttp,
    page: &Json,
    link: &'static str,
    path: &[&str],
    parameter: &str,
) -> Result<Option<String>, ProviderError> {
    let link = readable(link, page.at(link).text())?;
    link.map(|link| http.cursor_in(&link, path, parameter)).transpose()
}

pub(crate) fn page(
    http: &ProviderHttp,
    after: Option<&str>,
    page: &Json,
) -> Result<ListedPage, ProviderError> {
    let items = items(page)?;
    let next = token(http, page, "@odata.nextLink", USERS, SKIP_TOKEN)?;
    // A list that links to itself would never end.
    if next.is_some() && next.as_deref() == after {
        return Err(ProviderError::WRONG_LINK);
    }
    let (ids, unreadable) = readable_records(items, 1, id);
    // Graph has no total: the only sign of missing users is an empty page, or a full one without a link.
    let unlinked = items.len() >= PAGE && next.is_none() && after.is_none();
    let doubt = match (items.is_empty(), unlinked) {
        (true, _) => Some("a page has no users"),
        (_, true) => Some("the only page is full, and links to no other"),
        (false, false) => None,
    };
    let listed = |id| ListedRecord { id, version: None };
    Ok(ListedPage { records: ids.into_iter().map(listed).collect(), next, total: None, doubt, unreadable })
}

pub(crate) fn id(user: &Json) -> Option<String> {
    guid(&user.at("id").text().ok()??)
}
