//! The CRM as a source of records: its events, its contacts, and what is kept of them.

use std::fmt::Display;

use authority::Role;
use event_contract::Envelope;
use provider_crm::{ContactChange, ContactHint, CrmEvent, CrmProvider, FetchedContact, ProviderError};
use record_sync::{EVERYTHING, FetchedRecord, RecordSource};
use worker_runtime::Demand;

use crate::mapping::found;

/// The contacts of a CRM.
pub struct CrmRecords<P>(pub P);

impl<P: CrmProvider> RecordSource for CrmRecords<P> {
    const NAME: &'static str = "crm-sync";
    const ROLE: Role = Role::Crm;

    fn source(&self) -> &'static str {
        self.0.source()
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display> {
        self.0.read_event(envelope).map(|event| match event {
            CrmEvent::Contacts(hints) => hints.into_iter().map(demand).collect(),
            CrmEvent::ResyncAll => vec![everything()],
            CrmEvent::Ignored => Vec::new(),
        })
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<FetchedRecord, ProviderError> {
        let fetched = self.0.fetch_contacts(&[id.to_owned()]).await?;
        Ok(match fetched.into_iter().next() {
            Some(FetchedContact::Found(contact)) => FetchedRecord::Found(Box::new(found(&contact))),
            Some(FetchedContact::Gone { merged_into }) => FetchedRecord::Gone { merged_into },
            None => FetchedRecord::Gone { merged_into: None },
        })
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.0.ping().await
    }
}

fn demand(hint: ContactHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.change == ContactChange::Deleted }
}

fn everything() -> Demand<String> {
    Demand { subject: EVERYTHING.to_owned(), not_before: None, removed: false }
}
