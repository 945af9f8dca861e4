//! All users, in windows: <https://auth0.com/docs/manage-users/user-search/retrieve-users-with-get-users-endpoint>. A search
//! returns its first 1,000 results and no more. So each window begins at the creation of the last user so far; if a user is
//! created, changed or deleted meanwhile, no other user shifts.

use provider_http::json::{Json, needed};
use provider_http::{ListedPage, ListedRecord, ProviderError, readable_records};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Users on a page: the most that Auth0 allows.
pub(crate) const PAGE: usize = 100;
const PAGES: usize = 10;

pub(crate) struct Reply {
    total: Option<usize>,
    users: Vec<Created>,
    unreadable: Vec<String>,
    /// Users on the page, the unreadable ones included.
    length: usize,
}

struct Created {
    user_id: String,
    /// As Auth0 writes it, since it is only sent back.
    created_at: Option<String>,
    updated_at: Option<OffsetDateTime>,
}

impl Reply {
    pub(crate) fn read(reply: &Json) -> Result<Self, ProviderError> {
        let (total, users) = match reply {
            // Without the totals.
            Json::List(users) => (None, users.as_slice()),
            reply => {
                (reply.at("total").number().unwrap_or_default(), needed("users", reply.at("users").list())?)
            }
        };
        let (records, unreadable) = readable_records(users, 1, created);
        let total = total.and_then(|total| usize::try_from(total).ok());
        Ok(Self { total, users: records, unreadable, length: users.len() })
    }
}

fn created(user: &Json) -> Option<Created> {
    Some(Created {
        user_id: user.at("user_id").id().ok()??,
        created_at: user.at("created_at").text().ok().flatten(),
        updated_at: user.at("updated_at").time().ok().flatten(),
    })
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    created_at: Option<String>,
    /// Above 0 only if a page is full of users of one millisecond.
    page: usize,
    listed: Vec<String>,
}

impl Window {
    pub(crate) fn read(cursor: Option<&str>) -> Result<Self, ProviderError> {
        // The cursor is not ours.
        let invalid = |_| ProviderError::Invalid { status: 400 };
        cursor.map_or(Ok(Self::default()), |cursor| serde_json::from_str(cursor).map_err(invalid))
    }

    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("fields", String::from("user_id,created_at,updated_at")),
            ("include_fields", String::from("true")),
            ("include_totals", String::from("true")),
            ("per_page", PAGE.to_string()),
            ("page", self.page.to_string()),
            ("search_engine", String::from("v3")),
            ("sort", String::from("created_at:1")),
        ];
        query.extend(self.created_at.as_ref().map(|from| ("q", format!("created_at:[{from} TO *]"))));
        query
    }

    pub(crate) fn page(self, reply: Reply) -> Result<ListedPage, ProviderError> {
        let Reply { total, users, unreadable, length } = reply;
        // The search lags behind the users by seconds, and Auth0 does not promise that it is complete.
        let promised = total.unwrap_or(0).saturating_sub(self.page * PAGE).min(PAGE);
        let doubt = (length < promised).then_some("a page has fewer users than its total says");
        let first = self.created_at.is_none() && self.page == 0;
        let last = users.iter().rev().find_map(|user| user.created_at.clone());
        // A full page is never the last one, whatever the total says.
        let full = length >= PAGE;
        let more = full || (doubt.is_some() && last.is_some() && last != self.created_at);
        let mut listed: Vec<String> =
            users.iter().filter(|user| user.created_at == last).map(|user| user.user_id.clone()).collect();
        // Users of the same millisecond may be in two windows, and are listed once.
        let new = users.into_iter().filter(|user| !self.listed.contains(&user.user_id));
        let records = new.map(|user| ListedRecord { id: user.user_id, version: user.updated_at }).collect();
        let page = if last == self.created_at { self.page + 1 } else { 0 };
        // More users were created in one millisecond than any search reaches.
        if full && page >= PAGES {
            return Err(ProviderError::Invalid { status: 400 });
        }
        if page > 0 {
            listed.extend(self.listed);
        }
        let next = Self { created_at: last, page, listed };
        let next = more.then(|| serde_json::to_string(&next).unwrap_or_default());
        let total = total.filter(|_| first).and_then(|total| u64::try_from(total).ok());
        Ok(ListedPage { records, next, total, doubt, unreadable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Users by number, each created at the second that is its name.
    fn reply(total: usize, users: &[(usize, usize)]) -> Reply {
        let user = |(number, second): &(usize, usize)| Created {
            user_id: format!("auth0|{number}"),
            created_at: Some(format!("2026-11-24T17:00:{second:02}.000Z")),
            updated_at: None,
        };
        let users: Vec<Created> = users.iter().map(user).collect();
        Reply { total: Some(total), length: users.len(), users, unreadable: Vec::new() }
    }

    fn full(second: impl Fn(usize) -> usize) -> Vec<(usize, usize)> {
        (0..PAGE).map(|number| (number, second(number))).collect()
    }

    #[test]
    fn the_next_window_begins_at_the_last_creation_and_lists_no_user_twice() {
        let first = Window::default().page(reply(101, &full(|number| number / 2))).unwrap();
        assert_eq!((first.records.len(), first.total, first.doubt), (100, Some(101), None));
        let window = Window::read(first.next.as_deref()).unwrap();
        assert!(window.query().contains(&("q", String::from("created_at:[2026-11-24T17:00:49.000Z TO *]"))));
        let second = window.page(reply(3, &[(98, 49), (99, 49), (100, 50)])).unwrap();
        assert_eq!(second.records.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), ["auth0|100"]);
        assert_eq!((second.next, second.total, second.doubt), (None, None, None));
    }

    #[test]
    fn a_page_full_of_one_millisecond_is_followed_by_the_next_page_of_the_same_search() {
        let mut window = Window { created_at: None, page: 0, listed: Vec::new() };
        for page in 0..PAGES {
            let next = window.page(reply(2000, &full(|_| 7))).unwrap().next;
            window = Window::read(next.as_deref()).unwrap();
            assert_eq!(window.page, page, "the first time the window itself is new");
        }
        assert_eq!(window.page(reply(2000, &full(|_| 7))), Err(ProviderError::Invalid { status: 400 }));
    }

    #[test]
    fn a_page_with_fewer_users_than_its_total_says_is_in_doubt() {
        let doubt =
            |total, users: &[(usize, usize)]| Window::default().page(reply(total, users)).unwrap().doubt;
        assert!(doubt(5, &[]).is_some() && doubt(2, &[(1, 1)]).is_some());
        assert!(doubt(0, &[]).is_none() && doubt(1, &[(1, 1)]).is_none());
    }

    #[test]
    fn a_full_page_is_never_the_last_one_and_a_short_one_may_have_a_next_one() {
        let next =
            |total, users: &[(usize, usize)]| Window::default().page(reply(total, users)).unwrap().next;
        assert!(next(100, &full(|number| number / 2)).is_some(), "the total counts the page only");
        assert!(next(0, &full(|number| number / 2)).is_some());
        assert!(next(250, &[(1, 1), (2, 2)]).is_some(), "the total promises more");
        assert!(next(2, &[(1, 1), (2, 2)]).is_none());
    }

    #[test]
    fn a_user_that_cannot_be_read_costs_no_other() {
        let read = |json: &str| Reply::read(&serde_json::from_str(json).unwrap());
        let users = r#"[{"user_id":"auth0|1","created_at":"2026-11-24T17:00:00.000Z","updated_at":"lately"},{"user_id":null},
            7,{"USER_ID":"auth0|4","created_at":7}]"#;
        for json in [
            format!(r#"{{"total":"4","users":{users}}}"#),
            format!(r#"{{"users":{users}}}"#),
            users.to_owned(),
        ] {
            let page = Window::default().page(read(&json).unwrap()).unwrap();
            let ids: Vec<&str> = page.records.iter().map(|record| record.id.as_str()).collect();
            assert_eq!(
                (ids, page.unreadable.join(" ").as_str()),
                (vec!["auth0|1", "auth0|4"], "record 2 record 3")
            );
        }
        for json in ["{}", r#"{"total":0}"#, r#"{"total":0,"records":[]}"#, "7"] {
            assert!(
                read(json).is_err_and(|error| error == ProviderError::Unreadable { field: "users" }),
                "{json}"
            );
        }
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        assert_eq!(Window::read(Some("2")), Err(ProviderError::Invalid { status: 400 }));
    }
}
