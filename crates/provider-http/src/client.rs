//! The client: one call, from gate to answer.
//!
//! The order of a call: rate gate → a place among the requests in flight → gate again, as it may have closed while
//! waiting → token → request → meaning of the reply. A call is repeated in one case only, with a new token after a
//! 401; every other repetition is the caller's decision, who knows the message's attempts.

use std::fmt;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH};
use reqwest::{Client, Response, redirect};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use url::Url;

use crate::answer::Answer;
use crate::body::read_json;
use crate::config::ProviderHttpConfig;
use crate::endpoint::endpoint;
use crate::error::{ConfigError, Outage, ProviderError};
use crate::meaning::{Meaning, meaning};
use crate::rate_limit::{RateGate, pause};
use crate::token::TokenCache;

/// An HTTP client of one provider. Clones share connections, token, rate gate and places in flight.
#[derive(Clone)]
pub struct ProviderHttp {
    inner: Arc<Inner>,
}

struct Inner {
    upstream: &'static str,
    base_url: Url,
    http: Client,
    tokens: TokenCache,
    gate: RateGate,
    places: Semaphore,
}

impl ProviderHttp {
    /// Makes a client. Opens no connection and mints no token yet.
    ///
    /// Redirects are not followed: a redirect would carry the credentials to wherever it points.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings cannot work for any request.
    pub fn new(config: ProviderHttpConfig) -> Result<Self, ConfigError> {
        let upstream = config.upstream;
        if !matches!(config.base_url.scheme(), "http" | "https") {
            return Err(ConfigError::BaseUrl { upstream });
        }
        let http = Client::builder()
            .user_agent(config.user_agent)
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|source| ConfigError::Client { upstream, source })?;
        let inner = Inner {
            upstream,
            base_url: config.base_url,
            http,
            tokens: TokenCache::new(config.auth),
            gate: RateGate::default(),
            places: Semaphore::new(config.max_concurrent.max(1)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The provider's name, for logs and metrics.
    #[must_use]
    pub fn upstream(&self) -> &'static str {
        self.inner.upstream
    }

    /// Reads one JSON resource.
    ///
    /// Each of `path` becomes one percent-encoded segment below the base URL; `query` values are encoded too.
    ///
    /// # Errors
    /// Any [`ProviderError`]. [`ProviderError::RateLimited`] also without sending, while the quota is known to be
    /// used up.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        if_none_match: Option<&str>,
    ) -> Result<Answer<T>, ProviderError> {
        let url =
            endpoint(&self.inner.base_url, path, query).ok_or(ProviderError::Invalid { status: 400 })?;
        self.check_gate()?;
        let _place = self.inner.places.acquire().await;
        self.check_gate()?;
        let reply = self.send_with_fresh_token(&url, if_none_match).await?;
        self.read_answer(reply, if_none_match.is_some()).await
    }

    /// Sends with the cached token; after a 401 once more with a new one, if that can help.
    async fn send_with_fresh_token(
        &self,
        url: &Url,
        if_none_match: Option<&str>,
    ) -> Result<Response, ProviderError> {
        let Inner { http, tokens, .. } = &*self.inner;
        let token = tokens.get(http).await?;
        let reply = self.send(url, &token.header, if_none_match).await?;
        if reply.status() != reqwest::StatusCode::UNAUTHORIZED || !tokens.refused(&token).await {
            return Ok(reply);
        }
        let token = tokens.get(http).await?;
        self.send(url, &token.header, if_none_match).await
    }

    async fn send(
        &self,
        url: &Url,
        authorization: &reqwest::header::HeaderValue,
        if_none_match: Option<&str>,
    ) -> Result<Response, ProviderError> {
        let mut request = self.inner.http.get(url.clone()).header(AUTHORIZATION, authorization);
        if let Some(etag) = if_none_match {
            request = request.header(IF_NONE_MATCH, etag);
        }
        // A server may close a kept-alive connection in the very moment in which it is used: a GET may be sent twice.
        let again = request.try_clone();
        match (request.send().await.map_err(ProviderError::from), again) {
            (Err(ProviderError::Unavailable { cause: Outage::Broken, .. }), Some(again)) => {
                Ok(again.send().await?)
            }
            (reply, _) => reply,
        }
    }

    async fn read_answer<T: DeserializeOwned>(
        &self,
        reply: Response,
        conditional: bool,
    ) -> Result<Answer<T>, ProviderError> {
        let pause = pause(reply.headers(), OffsetDateTime::now_utc());
        let meaning = meaning(reply.status().as_u16(), conditional, pause);
        self.close_gate(&meaning, pause);
        match meaning {
            Meaning::NotModified => Ok(Answer::NotModified),
            Meaning::NotFound => Ok(Answer::NotFound),
            Meaning::Failed(error) => Err(error),
            Meaning::Body => {
                let etag = reply.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
                Ok(Answer::Found { value: read_json(reply).await?, etag })
            }
        }
    }

    fn check_gate(&self) -> Result<(), ProviderError> {
        self.inner
            .gate
            .closed_for()
            .map_or(Ok(()), |retry_after| Err(ProviderError::RateLimited { retry_after }))
    }

    /// Closes the gate after a 429, and after any reply that used up the quota. Not after a 503 with `Retry-After`:
    /// that is an outage, which is probed by the breaker.
    fn close_gate(&self, meaning: &Meaning, pause: Option<std::time::Duration>) {
        match (meaning, pause) {
            (Meaning::Failed(ProviderError::RateLimited { retry_after }), _) => {
                self.inner.gate.close_for(*retry_after);
            }
            (Meaning::Failed(ProviderError::Unavailable { .. }), _) | (_, None) => {}
            (_, Some(pause)) => self.inner.gate.close_for(pause),
        }
    }
}

impl fmt::Debug for ProviderHttp {
    /// Names the provider and its host: nothing that could be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { upstream, base_url, .. } = &*self.inner;
        f.debug_struct("ProviderHttp")
            .field("upstream", upstream)
            .field("host", &base_url.host_str())
            .finish_non_exhaustive()
    }
}
