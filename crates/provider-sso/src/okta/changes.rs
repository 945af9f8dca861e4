//! From an event to user hints.
//!
//! Types: <https://developer.okta.com/docs/reference/api/event-types/>. The user is the target of type `User`; an entry
//! without any target is about the actor's own account. An actor beside a target is the administrator, never the user.
//!
//! `published` is later than the `lastUpdated` that the change left on the user, so it bounds a deletion (nothing may
//! be newer that is not a new user), but never a change.

use event_contract::Envelope;

use super::log_event::LogEvent;
use super::{PARTNER_SOURCE_PREFIX, SOURCE};
use crate::detail::parse;
use crate::ingress::{is_from_ingress, read_ingress};
use crate::{UnreadableEvent, UserChange, UserHint};

/// A deactivated user is deleted in two steps, and is gone after the second.
const DELETED: &str = "user.lifecycle.delete.completed";

/// What belongs to a user's lifecycle or account by its name, and leaves the user's record as it was: codes that were
/// asked for and used, administrators' rights, reports, and what is about many users and names none.
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

/// Which users the event names. See [`crate::SsoProvider::read_event`].
pub(crate) fn read_event(envelope: &Envelope) -> Result<Vec<UserHint>, UnreadableEvent> {
    if is_from_ingress(envelope, SOURCE) {
        return read_ingress(envelope);
    }
    if !envelope.source.starts_with(PARTNER_SOURCE_PREFIX) {
        return Err(UnreadableEvent::ForeignSource { expected: SOURCE });
    }
    let event: LogEvent = parse(envelope)?;
    let Some((kind, change)) = known_type(&event.event_type) else { return Ok(Vec::new()) };
    let not_before = event.published().filter(|_| change == UserChange::Deleted);
    let hints: Vec<UserHint> =
        subjects(&event).into_iter().map(|id| UserHint { id: id.to_owned(), change, not_before }).collect();
    if hints.is_empty() { Err(UnreadableEvent::MissingId { kind }) } else { Ok(hints) }
}

/// IDs of the users whom an entry says have changed, for the feed: there nothing but IDs is taken out of it.
pub(crate) fn users_of(event: &LogEvent) -> Vec<&str> {
    known_type(&event.event_type).map_or_else(Vec::new, |_| subjects(event))
}

/// The types that change a user's record, by family: a type of tomorrow costs one fetch too many at worst.
fn known_type(event_type: &str) -> Option<(&'static str, UserChange)> {
    const FAMILIES: [(&str, &str); 2] =
        [("user.lifecycle.", "user.lifecycle"), ("user.account.", "user.account")];
    if event_type == DELETED {
        return Some((DELETED, UserChange::Deleted));
    }
    if NO_CHANGES.contains(&event_type) {
        return None;
    }
    let family = FAMILIES.into_iter().find(|(prefix, _)| event_type.starts_with(prefix));
    family.map(|(_, kind)| (kind, UserChange::Present))
}

fn subjects(event: &LogEvent) -> Vec<&str> {
    if event.has_target() {
        return event.targets_of("User").map(|user| user.id).collect();
    }
    event.actor().filter(|actor| actor.kind == "User").map(|actor| actor.id).into_iter().collect()
}
