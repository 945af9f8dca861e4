//! The API: a verification session by ID, and a ping.
//!
//! <https://docs.stripe.com/api/identity/verification_sessions>. There is no entity tag, and no batch read: one call
//! per session.

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::{Answer, ConfigError, ProviderError, ProviderHttp, ProviderHttpConfig};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::config::StripeConfig;
use super::record::Session;
use super::{SOURCE, events};
use crate::{FetchedCase, IdentityProvider, VerificationStatus};

const SESSIONS: [&str; 3] = ["v1", "identity", "verification_sessions"];

/// Without the first a session holds no outputs. The date of birth is not among them: it has to be named by itself, and
/// Stripe refuses the whole call to a key that may not see it, or not any more after 48 hours:
/// <https://docs.stripe.com/identity/access-verification-results>.
const OUTPUTS: [(&str, &str); 2] = [("expand[]", "verified_outputs"), ("expand[]", "verified_outputs.dob")];
const SHOWN_TO_ALL: &[(&str, &str)] = &[OUTPUTS[0]];

/// A client of one account. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct StripeClient {
    http: ProviderHttp,
    outputs: &'static [(&'static str, &'static str)],
}

/// A page, as far as the ping looks: <https://docs.stripe.com/api/pagination>.
#[derive(Deserialize)]
struct Page {
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
}

impl StripeClient {
    /// Makes a client. Sends nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`] when the base URL is not a web address.
    pub fn new(config: StripeConfig) -> Result<Self, ConfigError> {
        Self::with_limits(config, |_| {})
    }

    /// Makes a client with other limits than the usual: time-outs, requests in flight.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_limits(
        config: StripeConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let outputs = if config.date_of_birth { &OUTPUTS } else { SHOWN_TO_ALL };
        let mut http = config.http();
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, outputs })
    }
}

impl StripeClient {
    async fn session(&self, id: &str, outputs: &[(&str, &str)]) -> Result<FetchedCase, ProviderError> {
        let [v1, identity, sessions] = SESSIONS;
        match self.http.get_json::<Session>(&[v1, identity, sessions, id], outputs, None).await? {
            Answer::Found { value, .. } => Ok(FetchedCase::Found(Box::new(value.into()))),
            Answer::NotFound => Ok(FetchedCase::Gone),
            // No entity tag was sent, so nobody may answer this; least of all is the case gone.
            Answer::NotModified => Err(ProviderError::Malformed { line: 0, column: 0 }),
        }
    }

    /// A session whose date of birth is not shown any more. One that is verified is not taken without it: what we have
    /// of it would be lost. One that is redacted has to be.
    async fn without_date_of_birth(
        &self,
        id: &str,
        refused: ProviderError,
    ) -> Result<FetchedCase, ProviderError> {
        match self.session(id, SHOWN_TO_ALL).await? {
            FetchedCase::Found(case) if case.verification_status == VerificationStatus::Verified => {
                Err(refused)
            }
            answered => Ok(answered),
        }
    }
}

impl IdentityProvider for StripeClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        events::read_event(envelope)
    }

    /// `GET /v1/identity/verification_sessions/{id}`.
    async fn fetch_case(&self, id: &str) -> Result<FetchedCase, ProviderError> {
        match self.session(id, self.outputs).await {
            Err(refused @ (ProviderError::Unauthorized | ProviderError::Invalid { .. }))
                if self.outputs.len() > SHOWN_TO_ALL.len() =>
            {
                self.without_date_of_birth(id, refused).await
            }
            answered => answered,
        }
    }

    /// Lists one session. The list is always there: a 404 for it means that the base URL is not the API's.
    async fn ping(&self) -> Result<(), ProviderError> {
        match self.http.get_json::<Page>(&SESSIONS, &[("limit", "1")], None).await? {
            Answer::Found { .. } => Ok(()),
            Answer::NotFound | Answer::NotModified => Err(ProviderError::Invalid { status: 404 }),
        }
    }
}
