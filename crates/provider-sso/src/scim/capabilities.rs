//! What a server says it can do: `/ServiceProviderConfig`, <https://www.rfc-editor.org/rfc/rfc7643#section-5>.

use serde::Deserialize;

/// A server cannot do what it does not mention. A server without entity tags ignores the condition: no need to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Capabilities {
    #[serde(default)]
    pub(crate) filter: Feature,
    #[serde(default)]
    pub(crate) sort: Feature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Feature {
    pub(crate) supported: bool,
}
