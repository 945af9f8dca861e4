//! The API (<https://docs.withpersona.com/api-reference/inquiries>): an inquiry by ID, and a ping. There is no batch read, and
//! at most 300 calls a minute (<https://docs.withpersona.com/rate-limiting>).

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{Answer, ConfigError, ProviderError, ProviderHttp, ProviderHttpConfig};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::config::PersonaConfig;
use super::record::Document;
use super::{SOURCE, events};
use crate::{FetchedCase, IdentityProvider};

const INQUIRIES: [&str; 3] = ["api", "v1", "inquiries"];

/// A client of one environment. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct PersonaClient {
    http: ProviderHttp,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
}

impl PersonaClient {
    /// Makes a client, with limits as `adjust` leaves them: time-outs, requests in flight. Sends nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`] when the base URL is not a web address.
    pub fn new(
        config: PersonaConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        Ok(Self { http: ProviderHttp::adjusted(config.http(), adjust)? })
    }
}

impl IdentityProvider for PersonaClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        events::read_event(envelope)
    }

    async fn fetch_case(&self, id: &str) -> Result<FetchedCase, ProviderError> {
        let [api, v1, inquiries] = INQUIRIES;
        match self.http.get_json::<Document>(&[api, v1, inquiries, id], &[], None).await? {
            Answer::Found { value, .. } => Ok(FetchedCase::Found(Box::new(value.into()))),
            Answer::NotFound => Ok(FetchedCase::Gone),
            // The request had no entity tag, so this is no valid answer. It must not look like a case that is gone.
            Answer::NotModified => Err(ProviderError::Malformed { line: 0, column: 0 }),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.http.get_json::<Page>(&INQUIRIES, &[("page[size]", "1")], None).await?.always_found().map(drop)
    }
}
