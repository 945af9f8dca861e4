//! The API (<https://docs.withpersona.com/api-reference/inquiries>): an inquiry by ID, and a ping. There is no batch read, and
//! at most 300 calls a minute (<https://docs.withpersona.com/rate-limiting>).

use async_trait::async_trait;
use event_contract::{Envelope, Origin, RecordHint, UnreadableEvent};
use provider_http::json::Json;
use provider_http::{Answer, ConfigError, ProviderError, ProviderHttp, ProviderHttpConfig};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::config::PersonaConfig;
use super::record::case;
use crate::connector::{RecordEvent, Records, Vendor};
use crate::record::found;
use crate::{Fetched, Mapping};

const INQUIRIES: [&str; 3] = ["api", "v1", "inquiries"];

/// A client of one environment. Clones share connections and rate limit.
#[derive(Debug, Clone)]
pub struct PersonaClient {
    http: ProviderHttp,
    mapping: Mapping,
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
}

pub(super) fn read_event(envelope: &Envelope, _: Origin) -> Result<RecordEvent, UnreadableEvent> {
    // Every event has come through `webhook-ingress`. Webhooks come in any order, so only IDs and times are used:
    // <https://docs.withpersona.com/webhooks>.
    let spell = |id: &str| is_inquiry_id(id).then(|| id.to_owned());
    let spelled = |hint: RecordHint| hint.spelled("an inquiry of Persona", spell);
    envelope.ingress_hints()?.into_iter().map(spelled).collect::<Result<_, _>>().map(RecordEvent::Records)
}

/// True for `inq_` and what Persona puts behind it: letters and digits.
pub(super) fn is_inquiry_id(text: &str) -> bool {
    let rest = text.strip_prefix("inq_").filter(|rest| !rest.is_empty());
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl Vendor for PersonaClient {
    type Settings = PersonaConfig;

    fn client(
        config: PersonaConfig,
        adjust: impl FnOnce(&mut ProviderHttpConfig),
    ) -> Result<Self, ConfigError> {
        let mut http = config.http()?;
        adjust(&mut http);
        Ok(Self { http: ProviderHttp::new(http)?, mapping: Mapping::default() })
    }

    fn mapped(self, mapping: Mapping) -> Self {
        Self { mapping, ..self }
    }
}

#[async_trait]
impl Records for PersonaClient {
    fn read_event(&self, envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
        read_event(envelope, origin)
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<Fetched, ProviderError> {
        let [api, v1, inquiries] = INQUIRIES;
        match self.http.get_json::<Json>(&[api, v1, inquiries, id], &[], None).await? {
            Answer::Found { value: document, .. } => {
                // What a pointer leads into is the inquiry, and not the document around it.
                let case = case(&document)?;
                let inquiry = document.at("data").value().ok().flatten().unwrap_or(&document);
                found(id, self.mapping.add(case, inquiry))
            }
            Answer::NotFound => Ok(Fetched::NotFound),
            Answer::Gone => Ok(Fetched::Gone { merged_into: None }),
            // The request had no entity tag, so this is no valid answer. It must not look like a case that is gone.
            Answer::NotModified => Err(ProviderError::WHOLE_REPLY_MALFORMED),
        }
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.http.get_json::<Page>(&INQUIRIES, &[("page[size]", "1")], None).await?.always_found().map(drop)
    }
}
