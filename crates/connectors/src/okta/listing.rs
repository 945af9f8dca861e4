//! All users in two lists: active users, and then the deactivated ones, which the first list leaves out. A user who is
//! deactivated during the reading moves from the first list to the second, and is listed there.

use provider_http::json::Json;
use provider_http::{ListedPage, ListedRecord, Page, readable_records};

pub(crate) const DEACTIVATED: &str = r#"status eq "DEPROVISIONED""#;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Users(Option<&'a str>),
    Deactivated(Option<&'a str>),
}

const USERS: &str = "users ";
const THE_DEACTIVATED: &str = "deactivated ";

impl<'a> Place<'a> {
    pub(crate) fn read(cursor: Option<&'a str>) -> Option<Self> {
        let Some(cursor) = cursor else { return Some(Self::Users(None)) };
        let after = |rest: &'a str| Some(rest).filter(|rest| !rest.is_empty());
        match (cursor.strip_prefix(USERS), cursor.strip_prefix(THE_DEACTIVATED)) {
            (Some(rest), _) => Some(Self::Users(after(rest))),
            (None, Some(rest)) => Some(Self::Deactivated(after(rest))),
            (None, None) => None,
        }
    }

    pub(crate) fn page(self, page: Page<Json>) -> ListedPage {
        let (ids, mut unreadable) = readable_records(&page.items, 1, id);
        if page.too_large.is_some() {
            unreadable.push(String::from("the only record, which is too large,"));
        }
        // Okta has no total: the only sign of missing users is an empty page, or a full one without a link.
        let empty = page.items.is_empty() && page.too_large.is_none();
        let full = page.items.len() >= page.asked;
        let (next, doubt) = match (self, page.next) {
            (Self::Users(after), next) => {
                let unlinked = full && next.is_none() && after.is_none();
                let doubt = match (empty, unlinked) {
                    (true, _) => Some("a page has no users"),
                    (_, true) => Some("the only page is full, and links to no other"),
                    (false, false) => None,
                };
                let next = next.map_or(String::from(THE_DEACTIVATED), |next| format!("{USERS}{next}"));
                (Some(next), doubt)
            }
            (Self::Deactivated(after), next) => {
                let doubt = (empty && after.is_some()).then_some("a page has no users");
                (next.map(|next| format!("{THE_DEACTIVATED}{next}")), doubt)
            }
        };
        let listed = |id| ListedRecord { id, version: None };
        ListedPage { records: ids.into_iter().map(listed).collect(), next, total: None, doubt, unreadable }
    }
}

pub(crate) fn id(user: &Json) -> Option<String> {
    user.at("id").id().ok().flatten()
}

#[cfg(test)]
mod tests {
    use provider_http::ProviderError;

    use super::*;

    fn page(place: Option<&str>, ids: usize, next: Option<&str>) -> ListedPage {
        let items = (0..ids).map(|id| serde_json::from_value(serde_json::json!({ "id": id })).unwrap());
        let page = Page { items: items.collect(), next: next.map(String::from), asked: 2, too_large: None };
        Place::read(place).unwrap().page(page)
    }

    #[test]
    fn deactivated_users_follow_the_active_ones() {
        let first = page(None, 2, Some("users 2"));
        assert_eq!((first.next.as_deref(), first.doubt), (Some("users users 2"), None));
        let second = page(first.next.as_deref(), 1, None);
        assert_eq!((second.next.as_deref(), second.doubt), (Some("deactivated "), None));
        let third = page(second.next.as_deref(), 2, Some("x"));
        assert_eq!((third.next.as_deref(), third.doubt), (Some("deactivated x"), None));
        assert_eq!(page(third.next.as_deref(), 1, None).next, None);
        assert_eq!(page(Some("deactivated "), 0, None).doubt, None, "no user is deactivated");
        assert_eq!(Place::read(Some("2")), None);
    }

    #[test]
    fn a_user_that_cannot_be_read_costs_no_other() {
        let items =
            serde_json::from_str(r#"[{"ID":"00u1"},{"id":""},{"id":{"value":"00u3"}},{"id":4}]"#).unwrap();
        let page = Page { items, next: Some("2".to_owned()), asked: 4, too_large: None };
        let listed = Place::Users(None).page(page);
        assert_eq!(listed.records.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["00u1", "4"]);
        assert_eq!((listed.unreadable.join(" ").as_str(), listed.doubt), ("record 2 record 3", None));
        let page = Page {
            items: Vec::new(),
            next: Some("2".to_owned()),
            asked: 1,
            too_large: Some(ProviderError::REDIRECT),
        };
        let listed = Place::Users(None).page(page);
        assert_eq!(
            (listed.next.as_deref(), listed.unreadable.len(), listed.doubt),
            (Some("users 2"), 1, None)
        );
    }

    #[test]
    fn an_empty_page_and_a_full_one_without_a_link_are_in_doubt() {
        assert!(page(None, 0, None).doubt.is_some());
        assert!(page(Some("users 1"), 0, Some("2")).doubt.is_some());
        assert!(page(Some("deactivated 1"), 0, None).doubt.is_some());
        assert!(page(None, 2, None).doubt.is_some());
        assert!(page(Some("users 1"), 2, None).doubt.is_none(), "others had links");
    }
}
