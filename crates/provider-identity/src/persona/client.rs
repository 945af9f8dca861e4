//! The API (<https://docs.withpersona.com/api-reference/inquiries>): an inquiry by ID, and a ping. There is no batch read, and
//! at most 300 calls a minute (<https://docs.withpersona.com/rate-limiting>).

use event_contract::{Envelope, RecordHint, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{Absence, Answer, ProviderError, ProviderHttp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::SOURCE;
use super::config::PersonaConfig;
use super::record::case;
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
    pub(crate) fn of(_: PersonaConfig, http: ProviderHttp) -> Self {
        Self { http }
    }
}

pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    // Every event has come through `webhook-ingress`. Webhooks come in any order, so only IDs and times are used:
    // <https://docs.withpersona.com/webhooks>.
    envelope.origin(SOURCE, None)?;
    let spell = |id: &str| is_inquiry_id(id).then(|| id.to_owned());
    envelope.ingress_hints()?.into_iter().map(|hint| hint.spelled("an inquiry of Persona", spell)).collect()
}

/// True for `inq_` and what Persona puts behind it: letters and digits.
pub(super) fn is_inquiry_id(text: &str) -> bool {
    let rest = text.strip_prefix("inq_").filter(|rest| !rest.is_empty());
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl IdentityProvider for PersonaClient {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
        read_event(envelope)
    }

    async fn fetch_case(&self, id: &str) -> Result<FetchedCase, ProviderError> {
        let [api, v1, inquiries] = INQUIRIES;
        match self.http.get_json::<Json>(&[api, v1, inquiries, id], &[], None).await? {
            Answer::Found { value, .. } => FetchedCase::of(id, case(&value)?),
            Answer::NotFound => Ok(FetchedCase::Absent(Absence::NotFound)),
            Answer::Gone => Ok(FetchedCase::Absent(Absence::Deleted)),
            // The request had no entity tag, so this is no valid answer. It must not look like a case that is gone.
            Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.http.get_json::<Page>(&INQUIRIES, &[("page[size]", "1")], None).await?.always_found().map(drop)
    }
}
