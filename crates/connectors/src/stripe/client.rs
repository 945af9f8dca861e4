//! The API (<https://docs.stripe.com/api/identity/verification_sessions>): a verification session by ID, and a ping. There is
//! no batch read: one call per session.

use async_trait::async_trait;
use event_contract::{Envelope, Origin, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{Answer, ConfigError, ProviderError, ProviderHttp, ProviderHttpConfig};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::account::Account;
use super::config::StripeConfig;
use super::events;
use super::record::case;
use crate::connector::{RecordEvent, Records, Vendor};
use crate::record::found;
use crate::{Fetched, Mapping};

const SESSIONS: [&str; 3] = ["v1", "identity", "verification_sessions"];

/// Without the first parameter a session has no outputs, and without the second one no date of birth.
const OUTPUTS: [(&str, &str); 2] = [("expand[]", "verified_outputs"), ("expand[]", "verified_outputs.dob")];
const SHOWN_TO_ALL: &[(&str, &str)] = &[OUTPUTS[0]];

/// A client of one account. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct StripeClient {
    http: ProviderHttp,
    account: Account,
    outputs: &'static [(&'static str, &'static str)],
    mapping: Mapping,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
}

impl StripeClient {
    async fn session(&self, id: &str, outputs: &[(&str, &str)]) -> Result<Fetched, ProviderError> {
        let [v1, identity, sessions] = SESSIONS;
        match self.http.get_json::<Json>(&[v1, identity, sessions, id], outputs, None).await? {
            Answer::Found { value, .. } => found(id, self.mapping.add(case(&value)?, &value)),
            Answer::NotFound => Ok(Fetched::NotFound),
            Answer::Gone => Ok(Fetched::Gone { merged_into: None }),
            // The request had no entity tag, so this is no valid answer. It must not look like a case that is gone.
            Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    async fn without_date_of_birth(
        &self,
        id: &str,
        refused: ProviderError,
    ) -> Result<Fetched, ProviderError> {
        // A verified session without its date would erase the date that we have. A redacted session has to be accepted.
        match self.session(id, SHOWN_TO_ALL).await? {
            Fetched::Found(case) if case.is_verified() => Err(refused),
            answered => Ok(answered),
        }
    }
}

impl Vendor for StripeClient {
    type Settings = StripeConfig;

    fn client(
        config: StripeConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let account = Account::of_requests(config.account.as_deref(), config.api_key.0.expose_secret());
        let outputs = if config.date_of_birth { &OUTPUTS } else { SHOWN_TO_ALL };
        let mut http = config.http()?;
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, account, outputs, mapping: Mapping::default() })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for StripeClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        let event = events::read_event(envelope, origin)?;
        if !matches!(&event, RecordEvent::Records(sessions) if sessions.is_empty()) {
            self.account.check(&events::account(envelope, origin)?)?;
        }
        Ok(event)
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        match self.session(id, self.outputs).await {
            // Stripe refuses the whole call if the key may not see the date of birth, or no longer after 48 hours:
            // <https://docs.stripe.com/identity/access-verification-results>.
            Err(
                refused @ (ProviderError::Unauthorized
                | ProviderError::Invalid { .. }
                | ProviderError::Refused { .. }),
            ) if self.outputs.len() > SHOWN_TO_ALL.len() => self.without_date_of_birth(id, refused).await,
            answered => answered,
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.http.get_json::<Page>(&SESSIONS, &[("limit", "1")], None).await?.always_found().map(drop)
    }
}
