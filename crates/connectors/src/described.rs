//! The events of a source whose form the file describes: on the bus, and by webhook. In: a document. Out: the records that it names,
//! by IDs. No error quotes the document.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use event_contract::{Envelope, UnreadableEvent};
use provider_webhook::SourceWebhook;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::connector::RecordEvent;

/// What the file says of a source's events.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// Those on the bus. `None`: the source sends none there.
    pub bus: Option<Arc<BusEvents>>,
    /// Those by webhook. `None`: as the connector's own [`webhook`](crate::Connector::webhook) says.
    pub webhook: Option<SourceWebhook>,
    /// The fields that the source accepts, and the property of each: a JSON pointer. `None`: the description accepts none.
    pub accepted: Option<BTreeMap<String, String>>,
}

/// The events that a source puts on the bus itself.
pub struct BusEvents {
    /// Their `source`.
    pub sources: Vec<String>,
    /// Their `detail-type`. Empty: any.
    pub detail_types: Vec<String>,
    /// The path of the ID below `detail`, in the form of [`Route::keeps`](crate::Route::keeps).
    pub id: String,
    /// The other paths below `detail` that the description reads.
    pub others: Vec<String>,
    pub(crate) read: EventReader,
}

/// Reads an event, as a JSON document.
pub(crate) type EventReader = Box<dyn Fn(&Value) -> Result<RecordEvent, UnreadableEvent> + Send + Sync>;

impl BusEvents {
    /// Whether an event is one of them.
    pub fn has(&self, envelope: &Envelope) -> bool {
        let of_type = self.detail_types.is_empty() || self.detail_types.contains(&envelope.detail_type);
        of_type && self.sources.contains(&envelope.source)
    }

    /// The records that it names.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when it names none.
    pub fn read(&self, envelope: &Envelope) -> Result<RecordEvent, UnreadableEvent> {
        let detail: Value = envelope.parse_detail()?;
        let time = envelope.time.format(&Rfc3339).unwrap_or_default();
        (self.read)(&json!({
            "id": envelope.id, "source": envelope.source, "detail-type": envelope.detail_type, "time": time,
            "detail": detail
        }))
    }
}

impl fmt::Debug for BusEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusEvents").field("sources", &self.sources).finish_non_exhaustive()
    }
}
