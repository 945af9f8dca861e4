//! A page of a collection, and where the next one begins.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::{HeaderMap, LINK};
use url::Url;

use crate::error::ProviderError;
use crate::link::links;

/// One page of a collection that is read page by page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items on it.
    pub items: Vec<T>,
    /// Opaque: where the next page begins. `None`: this is the last page.
    pub next: Option<String>,
    /// How many items the request asked for.
    pub asked: usize,
    /// The error of a page of one item, which is larger than a reply may be.
    pub too_large: Option<ProviderError>,
}

/// How many items a page should have. When a page is larger than a reply may be, the next request asks for half as many.
#[derive(Debug)]
pub struct PageSize {
    most: usize,
    now: AtomicUsize,
}

impl PageSize {
    /// At most this many items on a page.
    pub const fn new(most: usize) -> Self {
        Self { most, now: AtomicUsize::new(most) }
    }

    /// How many items to ask for.
    pub fn items(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// A page of this many items was too large. `false`: it had one item, which no request can make smaller; the next page may
    /// be as large as at first.
    pub fn halve(&self, items: usize) -> bool {
        let smaller = items > 1;
        self.now.store(if smaller { items / 2 } else { self.most }, Ordering::Relaxed);
        smaller
    }
}

/// How a reply's next link becomes a cursor.
pub(crate) type Follow = fn(&HeaderMap, &Url, &str) -> Result<Option<String>, ProviderError>;

/// `None`: there is no link with `rel="next"`.
pub(crate) fn next_cursor(
    headers: &HeaderMap,
    asked: &Url,
    parameter: &str,
) -> Result<Option<String>, ProviderError> {
    let next = read_cursor(headers, asked, parameter).ok_or(ProviderError::WRONG_LINK)?;
    // A list that links to itself would never end.
    let stays = next.is_some() && next == cursor(asked, parameter);
    if stays { Err(ProviderError::WRONG_LINK) } else { Ok(next) }
}

/// The target of the one link with `rel="next"`. `Some(None)`: there is none. `None`: the header is wrong.
pub(crate) fn next_link(headers: &HeaderMap) -> Option<Option<String>> {
    let mut target = None;
    for header in headers.get_all(LINK) {
        for link in links(header.to_str().ok()?)?.into_iter().filter(|link| link.relates_as("next")) {
            if target.replace(link.target.to_owned()).is_some() {
                return None; // Two next links contradict each other.
            }
        }
    }
    Some(target)
}

/// The query of a link to another page of the collection at `asked`.
pub(crate) fn query_in(target: &str, asked: &Url) -> Option<Vec<(String, String)>> {
    let next = asked.join(target).ok().filter(|next| is_page_of(next, asked))?;
    Some(next.query_pairs().into_owned().collect())
}

/// For a feed, whose link leads to the same page while nothing is new.
pub(crate) fn feed_cursor(
    headers: &HeaderMap,
    asked: &Url,
    parameter: &str,
) -> Result<Option<String>, ProviderError> {
    read_cursor(headers, asked, parameter).ok_or(ProviderError::WRONG_LINK)
}

/// `None`: the link is wrong. `Some(None)`: this is the last page.
fn read_cursor(headers: &HeaderMap, asked: &Url, parameter: &str) -> Option<Option<String>> {
    let Some(target) = next_link(headers)? else { return Some(None) };
    cursor_in(&target, asked, parameter).map(Some)
}

pub(crate) fn cursor_in(target: &str, asked: &Url, parameter: &str) -> Option<String> {
    // The client never follows the link itself: the provider wrote its target, and a request carries our credentials.
    let next = asked.join(target).ok().filter(|next| is_page_of(next, asked))?;
    cursor(&next, parameter)
}

fn is_page_of(next: &Url, asked: &Url) -> bool {
    let bare = next.username().is_empty() && next.password().is_none();
    bare && next.origin() == asked.origin() && next.path() == asked.path()
}

fn cursor(url: &Url, parameter: &str) -> Option<String> {
    // Several values contradict each other. In any case: Microsoft Graph writes `$skiptoken` and `$skipToken`.
    let own = |name: &str| name.eq_ignore_ascii_case(parameter);
    let mut values = url.query_pairs().filter(|(name, _)| own(name)).map(|(_, value)| value);
    let value = values.next().filter(|value| !value.is_empty())?;
    values.next().is_none().then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    const ASKED: &str = "https://idp.example/api/v1/users?limit=200&after=p2";

    fn read(lines: &[&str]) -> Result<Option<String>, ProviderError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, HeaderValue::from_str(line).unwrap());
        }
        next_cursor(&headers, &ASKED.parse().unwrap(), "after")
    }

    #[test]
    fn the_next_link_holds_the_cursor() {
        let own = r#"<https://idp.example/api/v1/users?limit=200&after=p2>; rel="self""#;
        for (lines, expected) in [
            (&[][..], None),
            (&[own], None),
            (&[own, r#"<https://idp.example/api/v1/users?after=p3&limit=200>; rel="next""#], Some("p3")),
            (&[r#"<HTTPS://IDP.example:443/api/v1/users?after=p3>; rel=next"#], Some("p3")),
            (&[r#"<?after=p3>; rel="next""#], Some("p3")),
            (&[r#"<users?after=a%7Cb%3D%26limit>; rel="next""#], Some("a|b=&limit")),
            (&[r#"<users?After=p3>; rel="next""#], Some("p3")),
        ] {
            assert_eq!(read(lines), Ok(expected.map(str::to_owned)), "{lines:?}");
        }
    }

    #[test]
    fn a_next_link_to_anywhere_else_is_refused() {
        for target in [
            "https://elsewhere.example/api/v1/users?after=p3",
            "http://idp.example/api/v1/users?after=p3",
            "https://idp.example:8443/api/v1/users?after=p3",
            "https://idp.example.elsewhere.example/api/v1/users?after=p3",
            "https://idp.example@elsewhere.example/api/v1/users?after=p3",
            "https://us@idp.example/api/v1/users?after=p3",
            "//elsewhere.example/api/v1/users?after=p3",
            "https://idp.example/api/v1/groups?after=p3",
            "https://idp.example/api/v1/users/?after=p3",
            "https://idp.example/api/v1/users/../groups?after=p3",
            "mailto:mara.quill@example.org?after=p3",
            "https://[?after=p3",
        ] {
            let outcome = read(&[&format!(r#"<{target}>; rel="next""#)]);
            assert_eq!(outcome, Err(ProviderError::WRONG_LINK), "{target}");
        }
    }

    #[test]
    fn a_next_link_to_the_same_page_is_refused() {
        for query in [
            "",
            "?limit=200",
            "?after=",
            "?after=p2",
            "?after=p2&limit=1",
            "?after=p3&after=p4",
            "?after=p3&After=p4",
        ] {
            let outcome = read(&[&format!(r#"<https://idp.example/api/v1/users{query}>; rel="next""#)]);
            assert_eq!(outcome, Err(ProviderError::WRONG_LINK), "{query}");
        }
        let twice = [r#"<?after=p3>; rel="next""#, r#"<?after=p4>; rel="next""#];
        assert_eq!(read(&twice), Err(ProviderError::WRONG_LINK));
        assert_eq!(read(&["<?after=p3; rel=next"]), Err(ProviderError::WRONG_LINK));
    }

    #[test]
    fn a_feed_s_next_link_may_lead_to_the_same_page() {
        let mut headers = HeaderMap::new();
        headers.append(LINK, HeaderValue::from_static(r#"<?after=p2>; rel="next""#));
        let asked = ASKED.parse().unwrap();
        assert_eq!(feed_cursor(&headers, &asked, "after"), Ok(Some(String::from("p2"))));
        assert_eq!(next_cursor(&headers, &asked, "after"), Err(ProviderError::WRONG_LINK));
    }
}
