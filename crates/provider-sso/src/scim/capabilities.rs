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

    /// What may help after the server has refused a request with these features. `None`: the request has no more of them.
    pub(crate) fn without_refused(self, error: &ProviderError) -> Option<Self> {
        let filter = matches!(error, ProviderError::Refused { code: "invalidFilter", .. });
        match self {
            Self { filter: true, .. } if filter => Some(Self { filter: false, ..self }),
            Self { attributes: true, .. } => Some(Self { attributes: false, ..self }),
            Self { filter: true, .. } => Some(Self { filter: false, ..self }),
            Self { sort: true, .. } => Some(Self { sort: false, ..self }),
            Self { .. } => None,
        }
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
    fn refused_features_are_left_out_one_after_the_other() {
        let refused = ProviderError::Invalid { status: 400 };
        let all = Features { attributes: true, filter: true, sort: true };
        let mut left = Some(all);
        let mut steps = Vec::new();
        while let Some(Features { attributes, filter, sort }) = left {
            steps.push((attributes, filter, sort));
            left = left.and_then(|features| features.without_refused(&refused));
        }
        let expected = [(true, true, true), (false, true, true), (false, false, true), (false, false, false)];
        assert_eq!(steps, expected);
        let filter = ProviderError::Refused { code: "invalidFilter", names_record: false };
        assert_eq!(all.without_refused(&filter), Some(Features { filter: false, ..all }));
    }
}
