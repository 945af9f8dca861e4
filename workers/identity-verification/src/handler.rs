//! The identity-verification provider as a source of records: reads its events and its cases, and maps cases to records.

use std::fmt::Display;

use authority::Role;
use event_contract::Envelope;
use provider_identity::{FetchedCase, IdentityProvider, ProviderError, RecordHint};
use record_sync::{FetchedRecord, RecordSource, note_unread};
use worker_runtime::Demand;

use crate::mapping::found;

/// The cases of an identity-verification provider.
pub struct IdentityRecords<P>(pub P);

impl<P: IdentityProvider> RecordSource for IdentityRecords<P> {
    const NAME: &'static str = "identity-verification";
    const ROLE: Role = Role::Identity;

    fn source(&self) -> &'static str {
        self.0.source()
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display> {
        self.0.read_event(envelope).map(|hints| hints.into_iter().map(demand).collect())
    }

    async fn fetch(&self, id: &str, _known_etag: Option<&str>) -> Result<FetchedRecord, ProviderError> {
        Ok(match self.0.fetch_case(id).await? {
            FetchedCase::Found(case) => {
                note_unread(self.source(), &case.id, &case.unread);
                FetchedRecord::Found(Box::new(found(&case)))
            }
            FetchedCase::Absent(absence) => absence.into(),
        })
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.0.ping().await
    }
}

fn demand(hint: RecordHint) -> Demand<String> {
    // No event announces a deleted case: a redacted case still exists.
    Demand { subject: hint.id, not_before: hint.not_before, removed: false }
}
