//! What a server says it can do: `/ServiceProviderConfig`, <https://www.rfc-editor.org/rfc/rfc7643#section-5>.

use serde::Deserialize;

/// The optional features that matter here. Entity tags are not among them: a server without them ignores the condition. What a server does not mention, it cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Capabilities {
    #[serde(default)]
    pub(crate) filter: Feature,
    #[serde(default)]
    pub(crate) sort: Feature,
}

/// One feature's declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) struct Feature {
    pub(crate) supported: bool,
}
