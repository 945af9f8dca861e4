//! The client, as connectors see it. What all calls have in common is in `exchange.rs`.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use url::Url;

use crate::answer::Answer;
use crate::body::{BodyLimit, read_json};
use crate::call::Call;
use crate::config::ProviderHttpConfig;
use crate::endpoint::endpoint;
use crate::error::{ConfigError, ProviderError};
use crate::event_stream::{StreamedEvent, read_events};
use crate::exchange::Exchange;
use crate::grant::Grant;
use crate::pace::Pacer;
use crate::page::{Follow, Page, PageSize, cursor_in, feed_cursor, next_cursor, next_link, query_in};
use crate::rate_limit::{MAX_PAUSE, RateGate};
use crate::token::TokenCache;
use crate::wire::Wire;

/// An HTTP client of one provider. Clones share connections, token, rate gate and places for requests in flight.
#[derive(Clone)]
pub struct ProviderHttp {
    inner: Arc<Inner>,
}

/// Whether what is sent to this URL crosses a network, and nothing encrypts it.
fn leads_elsewhere_in_the_clear(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    url.scheme() == "http" && !here
}

struct Inner {
    upstream: &'static str,
    base_url: Url,
    trailing_slash: bool,
    exchange: Exchange,
}

impl ProviderHttp {
    /// Makes a client. Opens no connection and requests no token yet.
    ///
    /// # Errors
    /// [`ConfigError`] when no request could be sent with these settings.
    pub fn new(config: ProviderHttpConfig) -> Result<Self, ConfigError> {
        let upstream = config.upstream;
        if !matches!(config.base_url.scheme(), "http" | "https") {
            return Err(ConfigError::BaseUrl { upstream });
        }
        let mut urls = std::iter::once(&config.base_url).chain(config.auth.token_url());
        if !config.plain_http && urls.any(leads_elsewhere_in_the_clear) {
            return Err(ConfigError::PlainHttp { upstream });
        }
        // A redirect would carry the credentials to its target.
        let http = Client::builder()
            .user_agent(config.user_agent)
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|source| ConfigError::Client { upstream, source })?;
        let exchange = Exchange {
            wire: Wire { http, recorder: config.recorder },
            headers: headers(upstream, &config.headers)?,
            body_limit: BodyLimit { bytes: config.max_body_bytes, setting: config.max_body_setting },
            longest_pause: config.longest_pause.min(MAX_PAUSE),
            read_error: config.read_error,
            codes: config.codes,
            admission: config.admission,
            tokens: TokenCache::new(Grant::new(upstream, config.auth)?),
            gate: RateGate::default(),
            pacer: Pacer::new(config.pace),
            quota: config.quota,
            places: Semaphore::new(config.max_concurrent.max(1)),
        };
        let inner =
            Inner { upstream, base_url: config.base_url, trailing_slash: config.trailing_slash, exchange };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The provider's name, for logs and metrics.
    pub fn upstream(&self) -> &'static str {
        self.inner.upstream
    }

    /// Reads one JSON resource. Each part of `path` becomes one percent-encoded segment below the base URL.
    ///
    /// # Errors
    /// Any [`ProviderError`]. While a reply's pause lasts, [`ProviderError::RateLimited`] without sending.
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
    /// `size` is the query's parameter for the number of items, and that number. A page that is larger than a reply may be is
    /// requested again with half as many items.
    ///
    /// Pages follow each other by `Link` headers, <https://www.rfc-editor.org/rfc/rfc8288>. The next link has the next page's
    /// cursor in the query's `parameter`. `after` is the cursor that the page before returned; `None` reads the first page.
    ///
    /// # Errors
    /// As [`Self::get_json`]; [`ProviderError::WRONG_LINK`] if the next link leads to anything but another page of the same
    /// collection. The client does not follow such a link, so that our credentials go nowhere else.
    pub async fn get_page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        size: (&str, &PageSize),
        (parameter, after): (&str, Option<&str>),
    ) -> Result<Answer<Page<T>>, ProviderError> {
        self.page(path, query, size, (parameter, after), next_cursor).await
    }

    /// Reads one page of a feed: a collection that always has a next link, the same one while nothing is new.
    ///
    /// # Errors
    /// As [`Self::get_page`].
    pub async fn get_feed_page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        size: (&str, &PageSize),
        (parameter, after): (&str, Option<&str>),
    ) -> Result<Answer<Page<T>>, ProviderError> {
        self.page(path, query, size, (parameter, after), feed_cursor).await
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        (items_parameter, size): (&str, &PageSize),
        (parameter, after): (&str, Option<&str>),
        next: Follow,
    ) -> Result<Answer<Page<T>>, ProviderError> {
        let exchange = &self.inner.exchange;
        loop {
            let asked = size.items();
            let limit = asked.to_string();
            let own = [(items_parameter, limit.as_str())];
            let after = after.map(|after| (parameter, after));
            let query: Vec<(&str, &str)> =
                own.into_iter().chain(query.iter().copied()).chain(after).collect();
            let url = self.endpoint(path, &query)?;
            let page = async |mut reply: Response| {
                let headers = mem::take(reply.headers_mut());
                let next = next(&headers, &url, parameter)?;
                match read_json(reply, exchange.body_limit).await {
                    Ok(items) => Ok(Some(Page { items, next, asked, too_large: None })),
                    Err(ProviderError::TooLarge { .. }) if size.halve(asked) => Ok(None),
                    // The link leads past the item.
                    Err(error @ ProviderError::TooLarge { .. }) => {
                        Ok(Some(Page { items: Vec::new(), next, asked, too_large: Some(error) }))
                    }
                    Err(error) => Err(error),
                }
            };
            match exchange.run_and(Call::get(url.clone(), None), page).await? {
                Answer::Found { value: Some(value), etag } => return Ok(Answer::Found { value, etag }),
                Answer::Found { value: None, .. } => {}
                Answer::NotModified => return Ok(Answer::NotModified),
                Answer::NotFound => return Ok(Answer::NotFound),
                Answer::Gone => return Ok(Answer::Gone),
            }
        }
    }

    /// Reads a stream of server-sent events until no event has come for as long as `quiet`, or there are `most`.
    ///
    /// # Errors
    /// As [`Self::get_json`]. If the stream breaks after its first event, the events up to there are returned.
    pub async fn get_events(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        most: usize,
        quiet: Duration,
    ) -> Result<Answer<Vec<StreamedEvent>>, ProviderError> {
        let call = Call::get(self.endpoint(path, query)?, None);
        let exchange = &self.inner.exchange;
        exchange.run_and(call, |reply| read_events(reply, most, quiet, exchange.body_limit)).await
    }

    /// The cursor in a link of a reply's body: `parameter` in `link`, which must lead to `path`. Do not follow the link itself.
    ///
    /// # Errors
    /// [`ProviderError::WRONG_LINK`] for a link that leads to anything else.
    pub fn cursor_in(&self, link: &str, path: &[&str], parameter: &str) -> Result<String, ProviderError> {
        let collection = self.endpoint(path, &[])?;
        cursor_in(link, &collection, parameter).ok_or(ProviderError::WRONG_LINK)
    }

    /// Reads one page of a JSON collection, and the link with `rel="next"` of the reply's header. Do not follow the link: ask
    /// [`Self::query_of`] for its query.
    ///
    /// # Errors
    /// As [`Self::get_page`].
    pub async fn get_json_and_link<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer<(T, Option<String>)>, ProviderError> {
        let exchange = &self.inner.exchange;
        let read = async |mut reply: Response| {
            let link = next_link(&mem::take(reply.headers_mut())).ok_or(ProviderError::WRONG_LINK)?;
            Ok((read_json(reply, exchange.body_limit).await?, link))
        };
        exchange.run_and(Call::get(self.endpoint(path, query)?, None), read).await
    }

    /// The query of a link, which must lead to another page of `path`.
    ///
    /// # Errors
    /// [`ProviderError::WRONG_LINK`] for a link that leads to anything else.
    pub fn query_of(&self, link: &str, path: &[&str]) -> Result<Vec<(String, String)>, ProviderError> {
        query_in(link, &self.endpoint(path, &[])?).ok_or(ProviderError::WRONG_LINK)
    }

    /// Reads with POST, for a query that is too long for a URL. Sent a second time when the connection breaks.
    pub async fn post_json_to_read<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        let call = Call::with_body(Method::POST, self.endpoint(path, query)?, body)?;
        self.inner.exchange.run(call.repeatable()).await
    }

    /// As [`Self::post_json_to_read`]. `read_error` reads an error reply in the place of [`ProviderHttpConfig::read_error`], and
    /// knows what was sent.
    pub async fn post_json_and<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
        read_error: &(dyn Fn(u16, &[u8]) -> Option<ProviderError> + Send + Sync),
    ) -> Result<Answer<T>, ProviderError> {
        let call = Call::with_body(Method::POST, self.endpoint(path, &[])?, body)?.repeatable();
        self.inner.exchange.run(call.reading_errors(read_error)).await
    }

    /// Reads with SEARCH: Directus's way for a query that is too long for a URL. Sent a second time when the connection breaks.
    pub async fn search_json<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        // RFC 9110 allows every token as a method, so this cannot fail.
        let search = Method::from_bytes(b"SEARCH").map_err(|_| ProviderError::Invalid { status: 400 })?;
        self.inner.exchange.run(Call::with_body(search, self.endpoint(path, &[])?, body)?.repeatable()).await
    }

    /// Writes with POST. As [`Self::patch_json`].
    pub async fn post_json<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        self.inner.exchange.run(Call::with_body(Method::POST, self.endpoint(path, query)?, body)?).await
    }

    /// Writes with PATCH, and never a second time when the connection breaks, since the provider may have done the write. If the
    /// reply has no content (204), `T` is read from JSON's `null`.
    pub async fn patch_json<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &B,
    ) -> Result<Answer<T>, ProviderError> {
        self.inner.exchange.run(Call::with_body(Method::PATCH, self.endpoint(path, query)?, body)?).await
    }

    fn endpoint(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, ProviderError> {
        endpoint(&self.inner.base_url, path, self.inner.trailing_slash, query)
            .ok_or(ProviderError::Invalid { status: 400 })
    }
}

fn headers(upstream: &'static str, pairs: &[(Cow<'static, str>, String)]) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let refused = || ConfigError::Header { upstream, name: name.clone() };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        headers.insert(header, HeaderValue::from_str(value).map_err(|_| refused())?);
    }
    Ok(headers)
}

impl fmt::Debug for ProviderHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing that could be a secret.
        let Inner { upstream, base_url, .. } = &*self.inner;
        f.debug_struct("ProviderHttp")
            .field("upstream", upstream)
            .field("host", &base_url.host_str())
            .finish_non_exhaustive()
    }
}
