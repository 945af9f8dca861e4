//! One request on the wire, and when it may be sent twice.

use reqwest::header::{CONTENT_TYPE, HeaderMap, IF_NONE_MATCH};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::Serialize;
use url::Url;

use crate::credential::Credential;
use crate::error::{Outage, ProviderError};
use crate::wire::Wire;

/// A request without its credentials, which may change between two attempts.
pub(crate) struct Call<'a> {
    url: Url,
    method: Method,
    if_none_match: Option<&'a str>,
    body: Option<Vec<u8>>,
    /// Sending it twice does no more than sending it once.
    repeatable: bool,
    /// Reads an error reply in the place of the client's own reader.
    pub(crate) read_error: Option<&'a ReadErrorOfCall<'a>>,
}

/// As [`ReadError`](crate::ReadError), of one call: it may know what the call sent.
pub(crate) type ReadErrorOfCall<'a> = dyn Fn(u16, &[u8]) -> Option<ProviderError> + Send + Sync + 'a;

impl<'a> Call<'a> {
    pub(crate) fn get(url: Url, if_none_match: Option<&'a str>) -> Self {
        Self { url, method: Method::GET, if_none_match, body: None, repeatable: true, read_error: None }
    }

    pub(crate) fn with_body(method: Method, url: Url, body: &impl Serialize) -> Result<Self, ProviderError> {
        let body = serde_json::to_vec(body).map_err(|_| ProviderError::Invalid { status: 400 })?;
        Ok(Self { url, method, if_none_match: None, body: Some(body), repeatable: false, read_error: None })
    }

    pub(crate) fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    pub(crate) fn reading_errors(self, read: &'a ReadErrorOfCall<'a>) -> Self {
        Self { read_error: Some(read), ..self }
    }

    pub(crate) fn is_conditional(&self) -> bool {
        self.if_none_match.is_some()
    }

    pub(crate) async fn send(
        &self,
        wire: &Wire,
        headers: &HeaderMap,
        credential: Option<&Credential>,
    ) -> Result<Response, ProviderError> {
        // A server may close a kept-alive connection at the moment when the client uses it: a read is sent once more. A write
        // is not, since the provider may have done it.
        let send = || wire.send(self.request(&wire.http, headers, credential));
        match send().await {
            Err(ProviderError::Unavailable { cause: Outage::Broken, .. }) if self.repeatable => send().await,
            reply => reply,
        }
    }

    fn request(&self, http: &Client, headers: &HeaderMap, credential: Option<&Credential>) -> RequestBuilder {
        let mut request = http.request(self.method.clone(), self.url.clone()).headers(headers.clone());
        if let Some(Credential { name, value }) = credential {
            request = request.header(name, value);
        }
        if let Some(etag) = self.if_none_match {
            request = request.header(IF_NONE_MATCH, etag);
        }
        if let Some(body) = &self.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        request
    }
}
