//! The one place where requests leave: those to the API and those for tokens. In: a request. Out: the reply, and on a
//! [`Recorder`], if there is one, what was sent and answered, for a person who tries a source. It must not know what a
//! reply means.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, RequestBuilder, Response};
use serde::Serialize;

use crate::error::ProviderError;

/// Stands for the value of a header that is a secret.
const MASK: &str = "***";

/// A request that was sent, without its body and its secrets, and what is known of the reply before its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchanged {
    /// `GET`.
    pub method: String,
    /// Where to. No credentials are ever in it; an ID of a record may be.
    pub url: String,
    /// The headers that the client has set, by name. The value of a secret one is masked.
    pub headers: Vec<(String, String)>,
    /// The reply's status. `None`: there was no reply.
    pub status: Option<u16>,
    /// The reply's `Content-Type`.
    pub content_type: Option<String>,
}

/// Keeps what a client sends, in order. Clones share it.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Exchanged>>>);

impl Recorder {
    /// What was sent so far.
    pub fn exchanges(&self) -> Vec<Exchanged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, exchanged: Exchanged) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(exchanged);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

/// A client's connections.
pub(crate) struct Wire {
    pub(crate) http: Client,
    pub(crate) recorder: Option<Recorder>,
}

impl Wire {
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ProviderError> {
        let Some(recorder) = &self.recorder else { return Ok(request.send().await?) };
        let request = request.build()?;
        let mut exchanged = Exchanged {
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: shown(request.headers()),
            status: None,
            content_type: None,
        };
        let reply = self.http.execute(request).await;
        if let Ok(reply) = &reply {
            exchanged.status = Some(reply.status().as_u16());
            exchanged.content_type =
                reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        }
        recorder.push(exchanged);
        Ok(reply?)
    }
}

fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = headers.iter().map(|(name, value)| {
        let text = value.to_str().ok().filter(|_| !value.is_sensitive());
        // The scheme is no secret, and a wrong one is a usual fault.
        let scheme = value.to_str().ok().and_then(|text| text.split_once(' ')).map(|(scheme, _)| scheme);
        let masked = || scheme.map_or(MASK.to_owned(), |scheme| format!("{scheme} {MASK}"));
        (name.to_string(), text.map_or_else(masked, str::to_owned))
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{AUTHORIZATION, HeaderValue, IF_NONE_MATCH};

    use super::*;

    #[test]
    fn a_secret_header_shows_its_scheme_only() {
        let mut headers = HeaderMap::new();
        for (name, value, secret) in [
            (AUTHORIZATION.as_str(), "Bearer s3cret", true),
            ("x-api-key", "s3cret", true),
            (IF_NONE_MATCH.as_str(), "\"3\"", false),
        ] {
            let mut value = HeaderValue::from_static(value);
            value.set_sensitive(secret);
            headers.insert(reqwest::header::HeaderName::from_static(name), value);
        }
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected =
            [text("authorization", "Bearer ***"), text("x-api-key", "***"), text("if-none-match", "\"3\"")];
        assert_eq!(shown(&headers), expected);
    }
}
