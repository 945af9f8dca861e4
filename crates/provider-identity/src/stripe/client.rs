//! The API (<https://docs.stripe.com/api/identity/verification_sessions>): a verification session by ID, and a ping. There is
//! no batch read: one call per session.

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{Absence, Answer, ProviderError, ProviderHttp};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::account::Account;
use super::config::StripeConfig;
use super::record::case;
use super::{SOURCE, events};
use crate::{FetchedCase, IdentityProvider, VerificationStatus};

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
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
}

impl StripeClient {
    pub(crate) fn of(config: StripeConfig, http: ProviderHttp) -> Self {
        let account = Account::of_requests(config.account.as_deref(), config.api_key.expose_secret());
        Self { http, account, outputs: if config.date_of_birth { &OUTPUTS } else { SHOWN_TO_ALL } }
    }

    async fn session(&self, id: &str, outputs: &[(&str, &str)]) -> Result<FetchedCase, ProviderError> {
        let [v1, identity, sessions] = SESSIONS;
        match self.http.get_json::<Json>(&[v1, identity, sessions, id], outputs, None).await? {
            Answer::Found { value, .. } => FetchedCase::of(id, case(&value)?),
            Answer::NotFound => Ok(FetchedCase::Absent(Absence::NotFound)),
            Answer::Gone => Ok(FetchedCase::Absent(Absence::Deleted)),
            // The request had no entity tag, so this is no valid answer. It must not look like a case that is gone.
            Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    async fn without_date_of_birth(
        &self,
        id: &str,
        refused: ProviderError,
    ) -> Result<FetchedCase, ProviderError> {
        // A verified session without its date would erase the date that we have. A redacted session has to be accepted.
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
        let sessions = events::read_event(envelope)?;
        if !sessions.is_empty() {
            self.account.check(&events::account(envelope)?)?;
        }
        Ok(sessions)
    }

    async fn fetch_case(&self, id: &str) -> Result<FetchedCase, ProviderError> {
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
