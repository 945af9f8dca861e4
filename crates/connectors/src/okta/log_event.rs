//! One entry of the System Log: <https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/>. It
//! comes as an event and from `GET /api/v1/logs`. The EventBridge rule keeps IDs, types and times, and only the first target.

use provider_http::json::{Field, Json, Unread};
use serde::Deserialize;
use time::OffsetDateTime;

#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct LogEvent(Json);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) id: String,
    pub(crate) kind: String,
}

impl LogEvent {
    pub(crate) fn event_type(&self) -> Result<Option<String>, Unread> {
        self.0.at("eventType").text()
    }

    pub(crate) fn uuid(&self) -> Result<Option<String>, Unread> {
        self.0.at("uuid").text()
    }

    pub(crate) fn published(&self) -> Result<Option<OffsetDateTime>, Unread> {
        self.0.at("published").time()
    }

    pub(crate) fn outcome(&self) -> Result<Option<String>, Unread> {
        self.0.at("outcome").at("result").text()
    }

    pub(crate) fn actor(&self) -> Result<Option<Party>, Unread> {
        self.0.at("actor").value()?.map(party).transpose()
    }

    /// Each target that can be read, and [`Unread`] for each other. `None`: the entry has no target.
    pub(crate) fn targets(&self) -> Option<Vec<Result<Party, Unread>>> {
        match self.0.at("target").list() {
            Ok(None | Some([])) => None,
            Ok(Some(targets)) => Some(targets.iter().map(party).collect()),
            Err(Unread) => Some(vec![Err(Unread)]),
        }
    }
}

fn party(value: &Json) -> Result<Party, Unread> {
    let text = |field: Field<'_>| field.text()?.ok_or(Unread);
    Ok(Party { id: text(value.at("id"))?, kind: text(value.at("type"))? })
}
