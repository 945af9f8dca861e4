//! The identity provider as a source of records: its events, its users, and what is kept of them.

use std::fmt::Display;

use authority::Role;
use event_contract::Envelope;
use provider_sso::{FetchedUser, ProviderError, SsoProvider, UserChange, UserHint};
use record_sync::{FetchedRecord, RecordSource};
use worker_runtime::Demand;

use crate::mapping::found;

/// The users of an identity provider.
pub struct SsoRecords<P>(pub P);

impl<P: SsoProvider> RecordSource for SsoRecords<P> {
    const NAME: &'static str = "sso-sync";
    const ROLE: Role = Role::Sso;

    fn source(&self) -> &'static str {
        self.0.source()
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display> {
        self.0.read_event(envelope).map(|hints| hints.into_iter().map(demand).collect())
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedRecord, ProviderError> {
        Ok(match self.0.fetch_user(id, known_etag).await? {
            FetchedUser::NotModified => FetchedRecord::NotModified,
            FetchedUser::Gone => FetchedRecord::Gone { merged_into: None },
            FetchedUser::Found(user) => FetchedRecord::Found(Box::new(found(&user))),
        })
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.0.ping().await
    }
}

fn demand(hint: UserHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.change == UserChange::Deleted }
}
