//! The client, as providers' crates see it: what can be asked, and how a client is made.
//!
//! In: a path, a query, a body. Out: an [`Answer`]. What happens between is in `exchange.rs`, the same for all.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use url::Url;

use crate::answer::Answer;
use crate::call::Call;
use crate::config::ProviderHttpConfig;
use crate::endpoint::endpoint;
use crate::error::{ConfigError, ProviderError};
use crate::event_stream::StreamedEvent;
use crate::exchange::Exchange;
use crate::grant::Grant;
use crate::page::{Page, cursor_in, feed_cursor, next_cursor};
use crate::rate_limit::{MAX_PAUSE, RateGate};
use crate::token::TokenCache;

/// An HTTP client of one provider. Clones share connections, token, rate gate and places in flight.
#[derive(Clone)]
pub struct ProviderHttp {
    inner: Arc<Inner>,
}

struct Inner {
    upstream: &'static str,
    base_url: Url,
    exchange: Exchange,
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
        let exchange = Exchange {
            http,
            headers: headers(upstream, &config.headers)?,
            max_body_bytes: config.max_body_bytes,
            longest_pause: config.longest_pause.min(MAX_PAUSE),
            read_error: config.read_error,
            admission: config.admission,
            tokens: TokenCache::new(Grant::new(upstream, config.auth)?),
            gate: RateGate::default(),
            places: Semaphore::new(config.max_concurrent.max(1)),
        };
        let inner = Inner { upstream, base_url: config.base_url, exchange };
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
        self.inner.exchange.run(Call::get(self.endpoint(path, query)?, if_none_match)).await
    }

    /// Reads one page of a JSON collection. `path` and `query` as for [`Self::get_json`].
    ///
    /// Pages follow each other by `Link` headers, <https://www.rfc-editor.org/rfc/rfc8288>, whose next link tells where
    /// to go on in the query's `parameter`. `after` is what the page before has told; `None` reads the first one.
    ///
    /// # Errors
    /// As [`Self::get_json`]; [`ProviderError::Malformed`] also for a next link that points to anything else than
    /// another page of the same collection: it is not followed, so that our credentials go nowhere else.
    pub async fn get_page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        parameter: &str,
        after: Option<&str>,
    ) -> Result<Answer<Page<T>>, ProviderError> {
        let query: Vec<(&str, &str)> =
            query.iter().copied().chain(after.map(|after| (parameter, after))).collect();
        let url = self.endpoint(path, &query)?;
        let call = Call::get(url.clone(), None);
        let page =
            |headers: &HeaderMap, items| Ok(Page { items, next: next_cursor(headers, &url, parameter)? });
        self.inner.exchange.run_and(call, page).await
    }

    /// Reads one page of a feed: a collection whose next link is always there, and stays the same while nothing is new.
    ///
    /// # Errors
    /// As [`Self::get_page`].
    pub async fn get_feed_page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        parameter: &str,
        after: Option<&str>,
    ) -> Result<Answer<Page<T>>, ProviderError> {
        let query: Vec<(&str, &str)> =
            query.iter().copied().chain(after.map(|after| (parameter, after))).collect();
        let url = self.endpoint(path, &query)?;
        let call = Call::get(url.clone(), None);
        let page =
            |headers: &HeaderMap, items| Ok(Page { items, next: feed_cursor(headers, &url, parameter)? });
        self.inner.exchange.run_and(call, page).await
    }

    /// Reads a stream of server-sent events until nothing new has come for as long as `quiet`, or there are `most`.
    ///
    /// # Errors
    /// As [`Self::get_json`]. A stream that breaks after its first event is read up to there.
    pub async fn get_events(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        most: usize,
        quiet: Duration,
    ) -> Result<Answer<Vec<StreamedEvent>>, ProviderError> {
        self.inner.exchange.run_stream(Call::get(self.endpoint(path, query)?, None), most, quiet).await
    }

    /// The cursor in a link that a reply's body has: the value of `parameter` in `link`, which has to lead to the
    /// collection at `path`. The link itself is not to be followed, for the reasons of [`Self::get_page`].
    ///
    /// # Errors
    /// [`ProviderError::Malformed`] for a link that leads to anything else.
    pub fn cursor_in(&self, link: &str, path: &[&str], parameter: &str) -> Result<String, ProviderError> {
        let collection = self.endpoint(path, &[])?;
        cursor_in(link, &collection, parameter).ok_or(ProviderError::WHOLE_REPLY_MALFORMED)
    }

    /// Writes with POST. `path` and `query` as for [`Self::get_json`].
    ///
    /// Not sent a second time when the connection breaks: the provider may have done it. Without content in the reply
    /// (204), `T` is read from JSON's `null`.
    ///
    /// # Errors
    /// As [`Self::get_json`].
    pub async fn post_json<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        self.inner.exchange.run(Call::with_body(Method::POST, self.endpoint(path, query)?, body)?).await
    }

    /// Reads with POST, where the question is too long for a URL. Sent a second time when the connection breaks.
    ///
    /// # Errors
    /// As [`Self::get_json`].
    pub async fn post_json_to_read<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        let call = Call::with_body(Method::POST, self.endpoint(path, query)?, body)?;
        self.inner.exchange.run(call.repeatable()).await
    }

    /// Reads with SEARCH, as Directus takes a question that is too long for a URL. Sent a second time when the connection
    /// breaks.
    ///
    /// # Errors
    /// As [`Self::get_json`].
    pub async fn search_json<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        // It is a method's name: letters.
        let search = Method::from_bytes(b"SEARCH").map_err(|_| ProviderError::Invalid { status: 400 })?;
        self.inner.exchange.run(Call::with_body(search, self.endpoint(path, &[])?, body)?.repeatable()).await
    }

    /// Writes with PATCH, otherwise as [`Self::post_json`].
    ///
    /// # Errors
    /// As [`Self::get_json`].
    pub async fn patch_json<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        self.inner.exchange.run(Call::with_body(Method::PATCH, self.endpoint(path, query)?, body)?).await
    }

    fn endpoint(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, ProviderError> {
        endpoint(&self.inner.base_url, path, query).ok_or(ProviderError::Invalid { status: 400 })
    }
}

/// Our own headers, checked once.
fn headers(upstream: &'static str, pairs: &[(&'static str, String)]) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let refused = || ConfigError::Header { upstream, name };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        headers.insert(header, HeaderValue::from_str(value).map_err(|_| refused())?);
    }
    Ok(headers)
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
