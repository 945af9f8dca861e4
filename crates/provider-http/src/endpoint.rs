//! Makes a URL of path segments. An ID comes from an event, so its author is unknown. It becomes exactly one path segment, or
//! the URL is refused: an ID can neither climb out of its collection nor turn "one user" into "all users".

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// All but RFC 3986's unreserved characters. `Url`'s own path encoding leaves the `|` of Auth0's IDs bare.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `None`: no URL can hold a segment.
pub(crate) fn endpoint(
    base: &Url,
    segments: &[&str],
    trailing_slash: bool,
    query: &[(&str, &str)],
) -> Option<Url> {
    // An empty segment would name the collection. Parsers resolve `.` and `..`, encoded or not.
    if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
        return None;
    }
    let mut path = base.path().trim_end_matches('/').to_owned();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, RESERVED));
    }
    if trailing_slash {
        path.push('/');
    }
    let mut url = base.clone();
    url.set_path(&path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, segments: &[&str]) -> Option<String> {
        endpoint(&base.parse().unwrap(), segments, false, &[]).map(|url| url.to_string())
    }

    #[test]
    fn a_segment_stays_one_segment() {
        let cases = [
            ("auth0|66f0", "https://idp.example/v2/users/auth0%7C66f0"),
            ("a/../../b", "https://idp.example/v2/users/a%2F..%2F..%2Fb"),
            ("a?admin=1#x", "https://idp.example/v2/users/a%3Fadmin%3D1%23x"),
            ("100%7C", "https://idp.example/v2/users/100%257C"),
            ("wort ö", "https://idp.example/v2/users/wort%20%C3%B6"),
        ];
        for (id, expected) in cases {
            assert_eq!(joined("https://idp.example/v2", &["users", id]).as_deref(), Some(expected));
            assert_eq!(joined("https://idp.example/v2/", &["users", id]).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_id_cannot_name_its_collection_or_climb_out() {
        for id in ["", ".", ".."] {
            assert_eq!(joined("https://idp.example/v2", &["users", id]), None, "{id:?}");
        }
        let encoded = joined("https://idp.example/v2", &["users", "%2e%2e"]);
        assert_eq!(encoded.as_deref(), Some("https://idp.example/v2/users/%252e%252e"));
    }

    #[test]
    fn an_api_may_end_its_paths_with_a_slash() {
        let base = "https://idp.example/api/".parse().unwrap();
        let url = endpoint(&base, &["users", "7/"], true, &[("page", "2")]).unwrap();
        assert_eq!(url.as_str(), "https://idp.example/api/users/7%2F/?page=2");
        assert_eq!(endpoint(&base, &["users", ""], true, &[]), None);
    }

    #[test]
    fn query_values_are_encoded() {
        let base = "https://idp.example".parse().unwrap();
        let url = endpoint(&base, &["users"], false, &[("q", r#"a:"b&c""#)]).unwrap();
        assert_eq!(url.as_str(), "https://idp.example/users?q=a%3A%22b%26c%22");
    }
}
