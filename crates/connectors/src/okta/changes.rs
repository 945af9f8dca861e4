//! Reads the users that an event names. Types: <https://developer.okta.com/docs/reference/api/event-types/>.

use event_contract::{Envelope, Origin, RecordHint, UnreadableEvent};
use provider_http::json::Unread;

use super::log_event::{LogEvent, Party};
use crate::RecordEvent;

const DELETED: &str = "user.lifecycle.delete.completed";

/// They leave the user's record as it was: unlock codes, administrators' rights, reports, and types that name no user.
const NO_CHANGES: [&str; 9] = [
    "user.account.access_super_user_app",
    "user.account.privilege.grant",
    "user.account.privilege.revoke",
    "user.account.report_suspicious_activity_by_enduser",
    "user.account.unlock_failure",
    "user.account.unlock_token",
    "user.account.use_token",
    "user.lifecycle.jit.error.read_only",
    "user.lifecycle.password_mass_expiry",
];

pub(super) fn read_event(envelope: &Envelope, origin: Origin) -> Result<RecordEvent, UnreadableEvent> {
    let hints = match origin {
        Origin::Ingress => envelope.ingress_hints(),
        Origin::Partner => read_log_entry(envelope),
    };
    hints.map(RecordEvent::Records)
}

fn read_log_entry(envelope: &Envelope) -> Result<Vec<RecordHint>, UnreadableEvent> {
    let event: LogEvent = envelope.parse_detail()?;
    let event_type =
        event.event_type().ok().flatten().ok_or(UnreadableEvent::Shape { line: 0, column: 0 })?;
    let Some((kind, removed)) = known_type(&event_type) else { return Ok(Vec::new()) };
    // Later than the `lastUpdated` that the change left on the user. So it bounds a deletion only: a newer user is another.
    let not_before = event.published().ok().flatten().filter(|_| removed);
    let hint = |user: Party| RecordHint { id: user.id, removed, not_before };
    let hints: Vec<RecordHint> = subjects(&event).into_iter().flatten().map(hint).collect();
    if hints.is_empty() { Err(UnreadableEvent::MissingId { kind }) } else { Ok(hints) }
}

/// The users that an entry of the log changes, and [`Unread`] for what may be one. Empty: it is of a type that changes none.
pub(crate) fn users_of(event: &LogEvent) -> Vec<Result<String, Unread>> {
    let unread = || vec![Err(Unread)];
    let Ok(Some(event_type)) = event.event_type() else { return unread() };
    if known_type(&event_type).is_none() {
        return Vec::new();
    }
    let users: Vec<_> = subjects(event).into_iter().map(|user| user.map(|user| user.id)).collect();
    if users.is_empty() { unread() } else { users }
}

fn known_type(event_type: &str) -> Option<(&'static str, bool)> {
    const FAMILIES: [(&str, &str); 2] =
        [("user.lifecycle.", "user.lifecycle"), ("user.account.", "user.account")];
    if event_type == DELETED {
        return Some((DELETED, true));
    }
    if NO_CHANGES.contains(&event_type) {
        return None;
    }
    // A type that Okta adds later counts as a change: at worst that costs one fetch too many.
    let family = FAMILIES.into_iter().find(|(prefix, _)| event_type.starts_with(prefix));
    family.map(|(_, kind)| (kind, false))
}

fn subjects(event: &LogEvent) -> Vec<Result<Party, Unread>> {
    // The actor is an administrator, never the user. An entry without any target is about the actor's own account.
    let mut parties = event.targets().unwrap_or_else(|| event.actor().transpose().into_iter().collect());
    parties.retain(|party| party.as_ref().map_or(true, |party| party.kind == "User"));
    parties
}
