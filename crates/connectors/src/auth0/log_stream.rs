//! Log streams: the tenant's log, which names the user in a different place for each kind of entry.
//! Codes: <https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes>.

use event_contract::{RecordHint, UnreadableEvent};
use provider_http::lenient::{self, text};
use serde::Deserialize;
use serde_json::Value;

use super::management_write::read_management_write;
use super::text_or_number::id_in;

#[derive(Deserialize)]
pub(crate) struct LogEvent {
    data: Entry,
}

#[derive(Deserialize)]
struct Entry {
    // Only the code must have its type: the rest differs between codes.
    #[serde(rename = "type")]
    code: String,
    date: Option<Value>,
    user_id: Option<Value>,
    strategy: Option<Value>,
    strategy_type: Option<Value>,
    details: Option<Value>,
}

pub(crate) fn read(event: LogEvent) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let Entry { code, date, user_id, strategy, strategy_type, details } = event.data;
    let date = lenient::time(date.as_ref());
    // Codes that leave a user's record as it was (logins, failures) name none.
    let Some((kind, removed)) = known_code(&code) else { return Ok(Vec::new()) };
    // A write through the Management API: `user_id` is the acting administrator.
    if kind == "sapi" {
        return read_management_write(details, date);
    }
    let id = id_in(user_id.as_ref()).ok_or(UnreadableEvent::MissingId { kind })?;
    let id = with_prefix(id, text(strategy.as_ref()), text(strategy_type.as_ref()));
    // Later than the `updated_at` that the change left on the user. So it bounds a deletion only: a newer user is another user.
    let not_before = date.filter(|_| removed);
    Ok(vec![RecordHint { id, removed, not_before }])
}

fn known_code(code: &str) -> Option<(&'static str, bool)> {
    const CHANGES: [&str; 9] =
        ["sapi", "ss", "sce", "scp", "scpn", "scu", "sv", "si", "organization_member_added"];
    if code == "sdu" {
        return Some(("sdu", true));
    }
    CHANGES.into_iter().find(|known| *known == code).map(|known| (known, false))
}

pub(crate) fn with_prefix(id: String, strategy: Option<&str>, strategy_type: Option<&str>) -> String {
    match (strategy, strategy_type) {
        (Some(strategy), Some("database")) if !id.contains('|') => format!("{strategy}|{id}"),
        // Otherwise the ID stays bare, and the client searches for it.
        _ => id,
    }
}
