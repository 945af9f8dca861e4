//! One page of a listing of users, <https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2>.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::capabilities::Capabilities;
use super::record::ScimUser;
use crate::SsoUser;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserPage {
    pub(crate) users: Vec<SsoUser>,
    /// Users in the whole listing, at the time of this page.
    pub(crate) total: usize,
    /// Where the next page starts. `None`: this is the last page.
    pub(crate) next_start_index: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListReply {
    total_results: usize,
    // Missing if there are none.
    #[serde(default, rename = "Resources")]
    resources: Vec<ScimUser>,
}

impl ListReply {
    pub(crate) fn into_page(self, start_index: usize) -> UserPage {
        // A server may return fewer users than the request's count. An empty page is the last one, whatever the total says.
        let next = start_index + self.resources.len();
        let more = !self.resources.is_empty() && next <= self.total_results;
        UserPage {
            users: self.resources.into_iter().map(|user| user.into_user(None)).collect(),
            total: self.total_results,
            next_start_index: more.then_some(next),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Id,
    Change,
}

pub(crate) fn query(
    server: Capabilities,
    order: Order,
    since: Option<OffsetDateTime>,
    start_index: usize,
    count: usize,
) -> Vec<(&'static str, String)> {
    let mut query = vec![("startIndex", start_index.to_string()), ("count", count.to_string())];
    // A server that cannot filter returns all users, and one that cannot sort returns them in any order.
    if let Some(since) =
        since.filter(|_| server.filter.supported).and_then(|since| since.format(&Rfc3339).ok())
    {
        query.push(("filter", format!(r#"meta.lastModified gt "{since}""#)));
    }
    if server.sort.supported {
        let attribute = match order {
            Order::Id => "id",
            Order::Change => "meta.lastModified",
        };
        query.push(("sortBy", attribute.to_owned()));
    }
    query
}

#[cfg(test)]
mod tests {
    use super::super::capabilities::Feature;
    use super::*;

    fn page(json: &str, start_index: usize) -> UserPage {
        serde_json::from_str::<ListReply>(json).unwrap().into_page(start_index)
    }

    #[test]
    fn the_last_page_has_no_next_one() {
        let two = r#"{"totalResults":5,"Resources":[{"id":"a"},{"id":"b"}]}"#;
        assert_eq!(page(two, 1).next_start_index, Some(3));
        assert_eq!(page(two, 3).next_start_index, Some(5));
        assert_eq!(page(two, 4).next_start_index, None);
        assert_eq!(page(r#"{"totalResults":5}"#, 3).next_start_index, None);
        assert_eq!(page(r#"{"totalResults":0,"Resources":[]}"#, 1).users, []);
    }

    #[test]
    fn a_query_has_only_what_the_server_can_do() {
        let (yes, no) = (Feature { supported: true }, Feature { supported: false });
        let since = Some(OffsetDateTime::UNIX_EPOCH);
        let names = |filter, sort, since| -> Vec<_> {
            query(Capabilities { filter, sort }, Order::Id, since, 1, 9)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names(yes, yes, since), ["startIndex", "count", "filter", "sortBy"]);
        assert_eq!(names(yes, yes, None), ["startIndex", "count", "sortBy"]);
        assert_eq!(names(no, yes, since), ["startIndex", "count", "sortBy"]);
        assert_eq!(names(no, no, since), ["startIndex", "count"]);
    }
}
