//! What a server says it can do: `/ServiceProviderConfig`, <https://www.rfc-editor.org/rfc/rfc7643#section-5>.

use serde::Deserialize;

/// The optional features that the client uses. A server cannot do what it does not mention. Entity tags are not here: a
/// server without them ignores the condition.
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
