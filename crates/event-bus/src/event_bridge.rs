//! The client of the real service, which reads every entry of every reply. It must put neither a detail nor EventBridge's error
//! text, which may quote one, into an error.

mod failure;
mod reply;
mod settings;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::bus::{CALL_LIMIT, Publication};
use crate::{BusEntry, BusError, EntryError, EventBus};

/// A bus of the real service, or of an emulator.
#[derive(Debug, Clone)]
pub struct EventBridgeBus {
    client: Client,
    bus_name: String,
}

impl EventBridgeBus {
    /// Connects to nothing yet: sets timeouts and retries, whatever the process's defaults are.
    pub fn connect(config: &SdkConfig, bus_name: impl Into<String>) -> Self {
        Self { client: Client::from_conf(settings::from(config)), bus_name: bus_name.into() }
    }

    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<Result<(), EntryError>>, BusError> {
        // <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
        let request = entries.iter().map(|entry| self.request_entry(entry)).collect();
        let reply = self.client.put_events().set_entries(Some(request)).send().await;
        let reply = reply.map_err(|error| failure::call_failed("PutEvents", &error))?;
        Ok(reply::results(entries.len(), &reply))
    }

    fn request_entry(&self, entry: &BusEntry) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus_name)
            .source(entry.source())
            .detail_type(entry.detail_type())
            .detail(entry.detail())
            .build()
    }
}

impl EventBus for EventBridgeBus {
    async fn publish(&self, entries: &[BusEntry]) -> Result<Vec<Result<(), EntryError>>, BusError> {
        let mut publication = Publication::of(entries);
        for call in entries.chunks(CALL_LIMIT) {
            if publication.add(self.put(call).await)?.is_break() {
                break;
            }
        }
        Ok(publication.results())
    }

    async fn verify(&self) -> Result<(), BusError> {
        // <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DescribeEventBus.html>
        match self.client.describe_event_bus().name(&self.bus_name).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) =>
            {
                Err(BusError::Missing { bus: self.bus_name.clone() })
            }
            Err(error) => Err(failure::call_failed("DescribeEventBus", &error)),
        }
    }
}
