//! How the changes that a message caused are announced.

use postgres_store::Announce;
use worker_runtime::{Cause, Failure};

/// An announcement one hop further than its cause, in the cause's trace.
///
/// # Errors
/// [`Failure::Permanent`], class `hop_limit`, when the chain of events is as long as one may be.
pub fn announce(cause: Cause) -> Result<Announce, Failure> {
    let hop = cause.hop.next();
    let hop = hop.map_err(|error| Failure::Permanent { class: "hop_limit", detail: error.to_string() })?;
    Ok(Announce { cause: cause.event_id, hop, traceparent: cause.trace.child() })
}
