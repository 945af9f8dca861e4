//! A source: a connector with settings and a name.

use std::fmt;
use std::sync::Arc;

use authority::Role;
use event_contract::{Envelope, INGRESS_SOURCE_PREFIX, Origin, UnreadableEvent};

use serde_json::Value;

use crate::connector::{ConnectError, Connected, Connector, Limits, RecordEvent};
use crate::{BusEvents, Mapping, RecordTable};

/// The events of a source.
#[derive(Debug, Clone)]
pub struct SourceEvents {
    /// The source's name.
    pub name: Arc<str>,
    /// The code that reads them.
    pub connector: &'static Connector,
    /// The partner event sources that they come from. Empty: any of the vendor's.
    pub partner_sources: Vec<String>,
    /// Those on the bus that the file describes.
    pub bus: Option<Arc<BusEvents>>,
}

impl SourceEvents {
    /// Those of a source of this name, of any partner event source of the vendor.
    pub fn of(name: &str, connector: &'static Connector) -> Self {
        Self { name: name.into(), connector, partner_sources: Vec::new(), bus: None }
    }

    /// How an event came from this source.
    ///
    /// # Errors
    /// [`UnreadableEvent::ForeignSource`] when it did not.
    pub fn origin(&self, envelope: &Envelope) -> Result<Origin, UnreadableEvent> {
        if envelope.source.strip_prefix(INGRESS_SOURCE_PREFIX) == Some(&*self.name) {
            return Ok(Origin::Ingress);
        }
        let partner = self.connector.partner;
        let of_vendor = partner.is_some_and(|partner| envelope.source.starts_with(partner.prefix));
        if of_vendor && (self.partner_sources.is_empty() || self.partner_sources.contains(&envelope.source)) {
            return Ok(Origin::Partner);
        }
        Err(UnreadableEvent::ForeignSource { expected: self.name.to_string() })
    }

    /// The description of this event, if it is one that the source puts on the bus itself.
    fn on_bus(&self, envelope: &Envelope) -> Option<&BusEvents> {
        self.bus.as_deref().filter(|bus| bus.has(envelope))
    }

    /// Which records an event names, whatever account of the vendor it is from.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this source's, or breaks its contract.
    pub fn read(&self, envelope: &Envelope) -> Result<RecordEvent, UnreadableEvent> {
        if let Some(bus) = self.on_bus(envelope) {
            return bus.read(envelope);
        }
        (self.connector.read_event)(envelope, self.origin(envelope)?)
    }
}

/// A source that can be asked.
#[derive(Clone)]
pub struct Source {
    /// Its name and its events.
    pub events: SourceEvents,
    /// What it is to the organization.
    pub role: Role,
    /// Its client.
    pub records: Connected,
}

impl Source {
    /// Connects to a source whose settings have their secrets, and from which `mapping` reads further fields. Nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn connect(
        events: SourceEvents,
        role: Role,
        settings: &Value,
        mapping: Mapping,
        limits: Limits,
    ) -> Result<Self, ConnectError> {
        let records = (events.connector.connect)(settings, mapping, limits)?;
        Ok(Self { events, role, records })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.events.name
    }

    /// Gives the source the table of its records, if they were handed over. Any other source has none.
    pub fn read_from(&self, table: impl FnOnce(&str) -> Arc<dyn RecordTable>) {
        if let Some(slot) = self.records.table() {
            slot.read_from(table(self.name()));
        }
    }

    /// Which records an event names.
    ///
    /// # Errors
    /// [`UnreadableEvent`] when the event is not this source's, is from another account, or breaks its contract.
    pub fn read_event(&self, envelope: &Envelope) -> Result<RecordEvent, UnreadableEvent> {
        if let Some(bus) = self.events.on_bus(envelope) {
            return bus.read(envelope);
        }
        self.records.read_event(envelope, self.events.origin(envelope)?)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.events.name).finish_non_exhaustive()
    }
}
