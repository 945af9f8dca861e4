//! What a client needs to know about its provider. This module must not read the environment.

use std::borrow::Cow;
use std::time::Duration;

use url::Url;

use crate::admission::Admission;
use crate::auth::Auth;
use crate::error::ProviderError;
use crate::pace::Pace;
use crate::rate_limit::MAX_PAUSE;
use crate::rate_limit::QuotaHeaders;
use crate::wire::Recorder;

/// A vendor's own reader of an error reply's status and body. `None`: the status says everything. It must not keep the body.
pub type ReadError = fn(u16, &[u8]) -> Option<ProviderError>;

/// Settings of one provider's HTTP client. Its `Debug` redacts secrets, as [`Auth`]'s does.
#[derive(Debug, Clone)]
pub struct ProviderHttpConfig {
    /// Name of the provider in logs and metrics: `auth0`.
    pub upstream: &'static str,
    /// Where paths start. A path in it is kept: `https://idp.example/scim/v2`.
    pub base_url: Url,
    /// Whether the API's paths end with a slash, as those of Django do.
    pub trailing_slash: bool,
    /// How to authenticate.
    pub auth: Auth,
    /// Limit of one exchange, from connecting to the last byte of the body.
    pub timeout: Duration,
    /// Limit of connecting alone, TLS included.
    pub connect_timeout: Duration,
    /// Longest pause after a used-up quota, whatever the reply asks for: at most 1 h.
    pub longest_pause: Duration,
    /// Most requests in flight at once. More callers wait for their turn.
    pub max_concurrent: usize,
    /// Most requests in a second and a day.
    pub pace: Pace,
    /// Headers in which the replies state a quota, beside those that are known.
    pub quota: Option<QuotaHeaders>,
    /// The `User-Agent` that the provider's support staff will see.
    pub user_agent: String,
    /// Headers of each request to the API, not of token requests. `Debug` shows them, so they must hold no secret.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// Limit of a successful reply's body, in bytes.
    pub max_body_bytes: usize,
    /// The setting of that limit, for the error of a reply that is larger.
    pub max_body_setting: &'static str,
    /// Whether `http://` may lead to another machine. Otherwise the credentials and the records would cross a network in the clear.
    pub plain_http: bool,
    /// Reads the body of an error reply, if the vendor says more in it than in the status.
    pub read_error: Option<ReadError>,
    /// Where an error reply has the vendor's code, and which codes are listed.
    pub codes: Option<Codes>,
    /// Grants each request, if the caller has a budget of its own. Token requests need no admission.
    pub admission: Option<Admission>,
    /// Keeps what is sent, for a person who tries the source.
    pub recorder: Option<Recorder>,
}

/// A vendor's codes for a refused request. Only a listed one is repeated: any other text of a reply may be personal.
#[derive(Debug, Clone, Copy)]
pub struct Codes {
    /// The code's place in the body, as a JSON pointer.
    pub pointer: &'static str,
    /// The codes, with the page of the vendor that lists them in the comment above.
    pub listed: &'static [&'static str],
}

impl Codes {
    pub(crate) fn read(self, body: &[u8]) -> Option<ProviderError> {
        let body: serde_json::Value = serde_json::from_slice(body).ok()?;
        let found = body.pointer(self.pointer)?.as_str()?;
        // In any case: Microsoft Graph promises no case.
        let code = self.listed.iter().copied().find(|listed| listed.eq_ignore_ascii_case(found))?;
        Some(ProviderError::Refused { code, names_record: false })
    }
}

impl ProviderHttpConfig {
    /// Settings with the usual limits: 10 s for an exchange, 3 s to connect, 16 requests at once, 1 MiB a body.
    pub fn new(upstream: &'static str, base_url: Url, auth: Auth) -> Self {
        Self {
            upstream,
            base_url,
            trailing_slash: false,
            pace: Pace::default(),
            quota: None,
            auth,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            longest_pause: MAX_PAUSE,
            max_concurrent: 16,
            user_agent: concat!("coppice/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: Vec::new(),
            // Auth0 bounds a user's metadata to 16 MB in theory, a few KB in practice; a page of 100 users stays well below.
            max_body_bytes: 1024 * 1024,
            max_body_setting: "max_body_bytes",
            plain_http: false,
            read_error: None,
            codes: None,
            admission: None,
            recorder: None,
        }
    }
}
