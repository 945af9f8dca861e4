//! One entry of the System Log: <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/>. It
//! comes as an event and from `GET /api/v1/logs`. The EventBridge rule keeps IDs, types and times, and only the first target.

use provider_http::lenient::{self, text};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogEvent {
    pub(crate) event_type: String,
    uuid: Option<Value>,
    published: Option<Value>,
    outcome: Option<Value>,
    actor: Option<Value>,
    target: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Party<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
}

impl LogEvent {
    pub(crate) fn uuid(&self) -> Option<&str> {
        text(self.uuid.as_ref())
    }

    pub(crate) fn published(&self) -> Option<OffsetDateTime> {
        lenient::time(self.published.as_ref())
    }

    pub(crate) fn outcome(&self) -> Option<&str> {
        text(self.outcome.as_ref()?.get("result"))
    }

    pub(crate) fn actor(&self) -> Option<Party<'_>> {
        party(self.actor.as_ref()?)
    }

    pub(crate) fn targets_of(&self, kind: &str) -> impl Iterator<Item = Party<'_>> {
        let targets = self.target.as_ref().and_then(Value::as_array);
        targets.into_iter().flatten().filter_map(party).filter(move |target| target.kind == kind)
    }

    pub(crate) fn has_target(&self) -> bool {
        match &self.target {
            None | Some(Value::Null) => false,
            Some(target) => target.as_array().is_none_or(|targets| !targets.is_empty()),
        }
    }
}

fn party(value: &Value) -> Option<Party<'_>> {
    Some(Party { id: text(value.get("id"))?, kind: text(value.get("type"))? })
}
