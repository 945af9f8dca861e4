//! What can go wrong with a provider, sorted by what the caller should do next: renew credentials, wait, pause, give up, or
//! report a broken contract. A missing record is no error but an [`Answer`](crate::Answer).

use std::borrow::Cow;
use std::time::Duration;

/// Why a call to a provider has no answer. Holds numbers and fixed words only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The credentials are refused, also with a new token (401), or lack a permission (403). An operator must act.
    #[error("provider refuses our credentials")]
    Unauthorized,
    /// The provider, or its rate limit as we know it, asks for a pause. That is no failure of the requested record.
    #[error("provider asks for a pause of {} s", retry_after.as_secs())]
    RateLimited {
        /// How long to wait: at least 1 s, at most 1 h.
        retry_after: Duration,
    },
    /// The provider cannot be reached or does not work at the moment, for any record.
    #[error("provider is unavailable: {}", cause.as_str())]
    Unavailable {
        /// What was seen.
        cause: Outage,
        /// How long the provider asks to wait, if it says so: at least 1 s, at most 1 h.
        retry_after: Option<Duration>,
    },
    /// The provider says that this request is wrong. Sending it again is useless.
    #[error("provider refuses the request with status {status}")]
    Invalid {
        /// The HTTP status; 400 also if the request cannot be made, for example for an ID that no URL can hold.
        status: u16,
    },
    /// The provider refuses the request with a code of its own.
    #[error("provider refuses the request: {code}")]
    Refused {
        /// The provider's code, from a closed list of its connector: no text of a reply is repeated.
        code: &'static str,
        /// The code names the content of this record, and not our set-up or permissions.
        names_record: bool,
    },
    /// A successful reply whose body is not what the provider's contract promises.
    #[error("provider's reply is malformed at line {line} column {column}")]
    Malformed {
        /// Line in the body, from 1.
        line: usize,
        /// Column in the line, from 1.
        column: usize,
    },
    /// A record without a field that it must have, or with one that cannot be read.
    #[error("the record's {field} is missing or cannot be read")]
    Unreadable {
        /// The field, by the vendor's name.
        field: &'static str,
    },
    /// A reply that is larger than our limit.
    #[error("provider's reply is larger than {limit_bytes} bytes, the limit of {setting}")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
        /// The setting that raises it.
        setting: &'static str,
    },
    /// A reply that is well-formed, and no answer to this request.
    #[error("provider's reply cannot be used: {why}")]
    Unusable {
        /// What is wrong with it, in fixed words.
        why: &'static str,
    },
}

impl ProviderError {
    /// A redirect, which the client does not follow: its target would get our credentials.
    pub const REDIRECT: Self = Self::Unusable {
        why: "it redirects to another address. Check the provider's URL in the settings, and what is in between",
    };

    /// A reply that answers another request than ours.
    pub const WHOLE_REPLY_MALFORMED: Self = Self::Unusable { why: "it is no answer to this request" };

    /// The link to the next page is not a link, leads elsewhere, or leads to the same page.
    pub const WRONG_LINK: Self =
        Self::Unusable { why: "its link to the next page leads to no other page of the same collection" };
}

/// How an outage shows itself. Fixed words, so that it can be a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outage {
    /// A status of 500 to 599, or a vendor's word for "not now" with another status.
    ServerError,
    /// No complete reply in time, or status 408.
    Timeout,
    /// No connection: refused, unknown host, failed TLS handshake.
    Connect,
    /// The connection broke before the reply was complete.
    Broken,
}

impl Outage {
    /// The stable word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Connect => "connect",
            Self::Broken => "broken",
        }
    }
}

impl From<reqwest::Error> for ProviderError {
    fn from(error: reqwest::Error) -> Self {
        // The kind only: the error's text quotes the URL with its query.
        let cause = match error {
            // The request could not be made: the entity tag is no header value.
            _ if error.is_builder() => return Self::Invalid { status: 400 },
            _ if error.is_timeout() => Outage::Timeout,
            _ if error.is_connect() => Outage::Connect,
            _ => Outage::Broken,
        };
        Self::Unavailable { cause, retry_after: None }
    }
}

/// Why a client cannot be made. The process finds it at start-up, never at a message.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The base URL cannot have a path: `mailto:` and the like.
    #[error("base URL of {upstream} is not an http(s) URL")]
    BaseUrl {
        /// The provider.
        upstream: &'static str,
    },
    /// The base URL is `http://` and leads to another machine.
    #[error("base URL of {upstream} is http:// and leads to another machine: use https://")]
    PlainHttp {
        /// The provider.
        upstream: &'static str,
    },
    /// TLS roots could not be loaded, or the user agent is not a header value.
    #[error("HTTP client of {upstream} cannot be made")]
    Client {
        /// The provider.
        upstream: &'static str,
        /// What the HTTP library says.
        #[source]
        source: reqwest::Error,
    },
    /// The private key is no RSA key in PEM. The error does not say what it is instead: it may still be a secret.
    #[error("private key of {upstream} is not an RSA key in PEM")]
    Key {
        /// The provider.
        upstream: &'static str,
    },
    /// The private key is no RSA key in PEM, or the certificate is none in PEM. The error does not say which, or what it is
    /// instead: it may still be a secret.
    #[error(
        "private key of {upstream} is not an RSA key in PEM, or its certificate is not a certificate in PEM"
    )]
    Certificate {
        /// The provider.
        upstream: &'static str,
    },
    /// The description of the API has a fault that the check of the file names.
    #[error("the description of {upstream} has faults: check the file")]
    Description {
        /// The provider.
        upstream: &'static str,
    },
    /// One of our headers cannot be sent.
    #[error("header {name} of {upstream} is not a header")]
    Header {
        /// The provider.
        upstream: &'static str,
        /// The header's name.
        name: Cow<'static, str>,
    },
}
