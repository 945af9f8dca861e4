//! Sign-ins in Entra's log (<https://learn.microsoft.com/graph/api/resources/signin>). Entra sends them to no event bus that
//! we read: an entry is read only if another event names it.

use event_contract::{Envelope, UnreadableEvent};
use provider_http::ProviderError;
use provider_http::json::{Json, needed, readable};

use super::SOURCE;
use super::guid::guid;
use super::record::id;
use crate::{SignIn, SignInEvent};

pub(crate) const SELECT: &str = "id,createdDateTime,userId,appId,status";

/// What Entra has in place of the ID of a user that it does not know.
const UNKNOWN_USER: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) fn read_sign_in(envelope: &Envelope) -> Result<SignInEvent, UnreadableEvent> {
    envelope.origin(SOURCE, None).map(|_| SignInEvent::Ignored)
}

/// `None`: the entry is no sign-in that succeeded, or does not say who signed in.
pub(crate) fn sign_in(entry: &Json) -> Result<Option<SignIn>, ProviderError> {
    let event_id = id(entry)?;
    // An entry without it must not read as a sign-in that failed.
    if needed("status", entry.at("status").at("errorCode").number())? != 0 {
        return Ok(None);
    }
    let unreadable = ProviderError::Unreadable { field: "userId" };
    let user = readable("userId", entry.at("userId").text())?.filter(|user| user != UNKNOWN_USER);
    let Some(user) = user else { return Ok(None) };
    let user_id = guid(&user).ok_or(unreadable)?;
    // Without an application, the user signed in to Entra itself.
    let application_id = readable("appId", entry.at("appId").text())?.unwrap_or_else(|| SOURCE.to_owned());
    let at = needed("createdDateTime", entry.at("createdDateTime").time())?;
    Ok(Some(SignIn { event_id, user_id, application_id, at }))
}
