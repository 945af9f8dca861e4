//! One page of a listing of users, <https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2>.

use provider_http::json::{Json, Unread};
use provider_http::{ListedRecord, ProviderError, readable_records};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::capabilities::Features;

/// What a listing is read for.
const ATTRIBUTES: &str = "userName,meta.lastModified";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserPage {
    pub(crate) users: Vec<ListedRecord>,
    /// The places of users that cannot be read.
    pub(crate) unreadable: Vec<String>,
    /// Users on the page, the unreadable ones included.
    pub(crate) length: usize,
    /// Users in the whole listing, as the server counts them. Some count those of the page only.
    pub(crate) total: Option<usize>,
}

impl UserPage {
    pub(crate) fn read(reply: &Json, start_index: usize) -> Result<Self, ProviderError> {
        let unreadable = |Unread| ProviderError::Unreadable { field: "Resources" };
        let total = reply.at("totalResults").number().unwrap_or_default();
        let users = reply.at("Resources").list().map_err(unreadable)?;
        // A reply of another form must not read as the end of the listing.
        if users.is_none() && total.is_none() {
            return Err(unreadable(Unread));
        }
        let users = users.unwrap_or_default();
        let (records, unreadable) = readable_records(users, start_index, listed);
        let total = total.and_then(|total| usize::try_from(total).ok());
        Ok(Self { users: records, unreadable, length: users.len(), total })
    }

    /// A page behind the end.
    pub(crate) const fn empty() -> Self {
        Self { users: Vec::new(), unreadable: Vec::new(), length: 0, total: None }
    }

    /// A page of one user, which is larger than a reply may be.
    pub(crate) fn too_large(start_index: usize) -> Self {
        let unreadable = vec![format!("record {start_index}, which is too large,")];
        Self { users: Vec::new(), unreadable, length: 1, total: None }
    }

    pub(crate) fn first(&self) -> Option<&str> {
        self.users.first().map(|user| user.id.as_str())
    }
}

fn listed(user: &Json) -> Option<ListedRecord> {
    let id = user.at("id").id().ok()??;
    Some(ListedRecord { id, version: user.at("meta").at("lastModified").time().ok().flatten() })
}

/// Where a page of the listing begins, and what the page before said: so that neither a total nor a server that returns the
/// same page for every place can end the listing early, or never.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// From 1.
    pub(crate) index: usize,
    total: Option<usize>,
    first: Option<String>,
}

/// What a page is to the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Position {
    /// More pages may follow, and the next one begins here. Only an empty page is the last one, whatever the total says.
    Within(Start),
    /// The listing has ended before this page.
    Behind,
    /// The page has no users, or only those of the page before, although the total promises more.
    Contradictory(&'static str),
}

impl Start {
    pub(crate) fn first() -> Self {
        Self { index: 1, total: None, first: None }
    }

    /// True if there is nothing here, as the page before counted.
    pub(crate) fn is_behind_total(&self) -> bool {
        self.total.is_some_and(|total| self.index > total)
    }

    pub(crate) fn position(&self, page: &UserPage) -> Position {
        let total = page.total.or(self.total);
        let behind = self.is_behind_total() || total.is_none_or(|total| self.index > total);
        let repeated = self.first.is_some() && self.first.as_deref() == page.first();
        match (page.length == 0, repeated) {
            (true, _) | (_, true) if behind => Position::Behind,
            (true, _) => Position::Contradictory("a page has no users"),
            (false, true) => Position::Contradictory("a page has the users of the page before"),
            (false, false) => Position::Within(Self {
                index: self.index + page.length,
                total,
                first: page.first().map(str::to_owned),
            }),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Id,
    Change,
}

pub(crate) fn query(
    server: Features,
    order: Order,
    since: Option<OffsetDateTime>,
    start_index: usize,
    count: usize,
) -> Vec<(&'static str, String)> {
    let mut query = vec![("startIndex", start_index.to_string()), ("count", count.to_string())];
    // A server that cannot filter returns all users, and one that cannot sort returns them in any order.
    if let Some(since) = since.filter(|_| server.filter).and_then(|since| since.format(&Rfc3339).ok()) {
        query.push(("filter", format!(r#"meta.lastModified gt "{since}""#)));
    }
    if server.sort {
        let attribute = match order {
            Order::Id => "id",
            Order::Change => "meta.lastModified",
        };
        query.push(("sortBy", attribute.to_owned()));
    }
    if server.attributes {
        query.push(("attributes", ATTRIBUTES.to_owned()));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(json: &str) -> Result<UserPage, ProviderError> {
        UserPage::read(&serde_json::from_str(json).unwrap(), 1)
    }

    fn ids(page: &UserPage) -> Vec<&str> {
        page.users.iter().map(|user| user.id.as_str()).collect()
    }

    #[test]
    fn users_are_found_under_names_in_any_case() {
        let lower = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3,"itemsPerPage":3,
            "startIndex":1,"resources":[{"id":"u1"},{"id":"u2"},{"id":"u3"}]}"#;
        let read = page(lower).unwrap();
        assert_eq!((ids(&read), read.total, read.length), (vec!["u1", "u2", "u3"], Some(3), 3));
        let other = page(
            r#"{"TOTALRESULTS":"2","RESOURCES":[{"ID":1,"Meta":{"LASTMODIFIED":"2026-11-18 08:03:34"}}]}"#,
        );
        let read = other.unwrap();
        assert_eq!((ids(&read), read.total), (vec!["1"], Some(2)));
        assert!(read.users[0].version.is_some());
        for json in
            ["{}", "[]", r#"{"Users":[{"id":"u1"}]}"#, r#"{"Resources":[],"resources":[{"id":"u1"}]}"#]
        {
            assert_eq!(page(json), Err(ProviderError::Unreadable { field: "Resources" }), "{json}");
        }
    }

    #[test]
    fn a_user_that_cannot_be_read_costs_no_other() {
        let read =
            page(r#"{"totalResults":4,"Resources":[{"id":"u1"},{"userName":"u2"},7,{"id":"u4","meta":7}]}"#)
                .unwrap();
        assert_eq!(
            (ids(&read), read.unreadable.join(" ")),
            (vec!["u1", "u4"], "record 2 record 3".to_owned())
        );
        assert_eq!(read.length, 4, "the next page begins behind all of them");
    }

    /// Reads a listing whose pages have these users, with these totals. Out: where it ends, and why.
    fn end(pages: &[(&[&str], Option<usize>)]) -> (usize, Position) {
        let mut start = Start::first();
        for (number, (ids, total)) in pages.iter().enumerate() {
            let record = |id: &&str| ListedRecord { id: (*id).to_owned(), version: None };
            let users: Vec<ListedRecord> = ids.iter().map(record).collect();
            let page = UserPage { length: users.len(), users, unreadable: Vec::new(), total: *total };
            match start.position(&page) {
                Position::Within(next) => start = next,
                position => return (number, position),
            }
        }
        panic!("the listing goes on at {start:?}")
    }

    #[test]
    fn only_a_page_without_new_users_ends_a_listing() {
        let (one, two, three) = (&["a", "b"][..], &["c", "d"][..], &["e"][..]);
        let none = &[][..];
        for pages in [
            [(one, Some(5)), (two, Some(5)), (three, Some(5)), (none, Some(5))],
            // The total counts the page only, or there is none.
            [(one, Some(2)), (two, Some(2)), (three, Some(1)), (none, Some(0))],
            [(one, None), (two, None), (three, None), (none, None)],
            // Behind the end, the server returns its last page again.
            [(one, Some(5)), (two, Some(5)), (three, Some(5)), (three, Some(5))],
        ] {
            assert_eq!(end(&pages), (3, Position::Behind));
        }
        assert_eq!(end(&[(none, Some(0))]), (0, Position::Behind), "there are no users");
        assert!(matches!(end(&[(none, Some(5))]), (0, Position::Contradictory(_))));
        assert!(matches!(end(&[(one, Some(5)), (none, Some(5))]), (1, Position::Contradictory(_))));
        assert!(matches!(end(&[(one, Some(5)), (one, Some(5))]), (1, Position::Contradictory(_))));
    }

    #[test]
    fn a_query_has_only_what_the_server_can_do() {
        let since = Some(OffsetDateTime::UNIX_EPOCH);
        let names = |attributes, filter, sort, since| -> Vec<_> {
            let features = Features { attributes, filter, sort };
            query(features, Order::Id, since, 1, 9).into_iter().map(|(name, _)| name).collect()
        };
        let all = ["startIndex", "count", "filter", "sortBy", "attributes"];
        assert_eq!(names(true, true, true, since), all);
        assert_eq!(names(false, true, true, None), ["startIndex", "count", "sortBy"]);
        assert_eq!(names(false, false, true, since), ["startIndex", "count", "sortBy"]);
        assert_eq!(names(false, false, false, since), ["startIndex", "count"]);
    }
}
