//! What a server says it can do: `/ServiceProviderConfig`, <https://www.rfc-editor.org/rfc/rfc7643#section-5>. And what it
//! refuses all the same.

use provider_http::ProviderError;
use provider_http::json::Json;

/// Features that requests use. A server cannot do what it does not mention. A server without entity tags ignores the condition:
/// no need to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Features {
    /// Part of RFC 7644 for every server, and still refused by some.
    pub(crate) attributes: bool,
    pub(crate) filter: bool,
    pub(crate) sort: bool,
}

impl Features {
    /// Those of a server that does not describe itself.
    pub(crate) const NONE: Self = Self { attributes: true, filter: false, sort: false };

    pub(crate) fn read(config: &Json) -> Self {
        // What cannot be read is not supported.
        let supported = |feature| config.at(feature).at("supported").flag() == Ok(Some(true));
        Self { filter: supported("filter"), sort: supported("sort"), ..Self::NONE }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            attributes: self.attributes && other.attributes,
            filter: self.filter && other.filter,
            sort: self.sort && other.sort,
        }
    }

    /// What to try after the server has refused a request with these features, one after the other.
    pub(crate) fn fallbacks(self, error: &ProviderError) -> Vec<Self> {
        let filter = Self { filter: false, ..self };
        let one_less = [Self { attributes: false, ..self }, Self { sort: false, ..self }, filter];
        let none = Self { attributes: false, filter: false, sort: false };
        let named = matches!(error, ProviderError::Refused { code: "invalidFilter", .. });
        let mut all = if named { vec![filter] } else { Vec::new() };
        for fallback in one_less.into_iter().chain([none]) {
            if fallback != self && !all.contains(&fallback) {
                all.push(fallback);
            }
        }
        all
    }
}

/// True if a request with fewer features may succeed.
pub(crate) fn is_refusal(error: &ProviderError) -> bool {
    matches!(error, ProviderError::Refused { .. } | ProviderError::Invalid { status: 400 | 405 | 422 | 501 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_feature_that_is_clearly_supported_is_used() {
        let read = |json: &str| {
            let Features { filter, sort, .. } = Features::read(&serde_json::from_str(json).unwrap());
            (filter, sort)
        };
        assert_eq!(read(r#"{"filter":{"supported":true},"sort":{"supported":false}}"#), (true, false));
        assert_eq!(read(r#"{"Filter":{"Supported":"True"},"sort":{"supported":1}}"#), (true, true));
        for json in ["{}", "[]", r#""yes""#, r#"{"filter":true,"sort":{"supported":"maybe"}}"#] {
            assert_eq!(read(json), (false, false), "{json}");
        }
    }

    #[test]
    fn each_feature_is_left_out_alone_before_all_of_them_are() {
        let tried = |features: Features, error| {
            let fallbacks = features.fallbacks(&error);
            fallbacks.into_iter().map(|f| (f.attributes, f.filter, f.sort)).collect::<Vec<_>>()
        };
        let all = Features { attributes: true, filter: true, sort: true };
        let (refused, code) = (ProviderError::Invalid { status: 400 }, "invalidFilter");
        let each = [(false, true, true), (true, true, false), (true, false, true), (false, false, false)];
        assert_eq!(tried(all, refused.clone()), each);
        assert_eq!(tried(all, ProviderError::Refused { code, names_record: false })[0], (true, false, true));
        assert_eq!(tried(Features::NONE, refused.clone()), [(false, false, false)]);
        assert_eq!(tried(Features { attributes: false, ..Features::NONE }, refused), []);
    }
}
