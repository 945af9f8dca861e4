//! The CRM as a source of records: reads its events and its contacts, and maps contacts to records.

use std::fmt::Display;
use std::sync::Arc;

use authority::Role;
use event_contract::Envelope;
use provider_crm::{CrmEvent, CrmProvider, FetchedContact, ProviderError, RecordHint};
use record_sync::{EVERYTHING, FetchedRecord, RecordSource, note_unread};
use worker_runtime::Demand;

use crate::batches::Batches;
use crate::mapping::found;

/// The contacts of a CRM.
pub struct CrmRecords<P> {
    provider: Arc<P>,
    batches: Batches,
}

impl<P: CrmProvider> CrmRecords<P> {
    /// Creates a source that reads from `provider` in tasks of the current tokio runtime. Makes no call yet.
    ///
    /// # Panics
    /// Panics outside a tokio runtime.
    pub fn new(provider: P) -> Self {
        let provider = Arc::new(provider);
        Self { batches: Batches::start(Arc::clone(&provider)), provider }
    }
}

impl<P: CrmProvider> RecordSource for CrmRecords<P> {
    const NAME: &'static str = "crm-sync";
    const ROLE: Role = Role::Crm;

    fn source(&self) -> &'static str {
        self.provider.source()
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display> {
        self.provider.read_event(envelope).map(|event| match event {
            CrmEvent::Contacts(hints) => hints.into_iter().map(demand).collect(),
            CrmEvent::ResyncAll => vec![everything()],
            CrmEvent::Ignored => Vec::new(),
        })
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<FetchedRecord, ProviderError> {
        Ok(match self.batches.fetch(id).await? {
            FetchedContact::Found(contact) => {
                note_unread(self.source(), &contact.id, &contact.unread);
                FetchedRecord::Found(Box::new(found(&contact)))
            }
            FetchedContact::Gone { merged_into } => FetchedRecord::Gone { merged_into },
            FetchedContact::NotVisible => FetchedRecord::NotVisible,
        })
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.provider.ping().await
    }
}

fn demand(hint: RecordHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.removed }
}

fn everything() -> Demand<String> {
    Demand { subject: EVERYTHING.to_owned(), not_before: None, removed: false }
}
