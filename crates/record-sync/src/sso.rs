//! The users of an identity provider as a source of records. Here and not in `sso-sync`, because `app-login` reads an unknown
//! user by the same path: with one mapping, a record is the same whichever worker read it.

use std::fmt::Display;

use authority::Role;
use event_contract::Envelope;
use postgres_store::{Identity, RecordState};
use provider_sso::{FetchedUser, ProviderError, RecordHint, SsoProvider, SsoUser};
use serde_json::Value;
use worker_runtime::Demand;

use crate::source::{FetchedRecord, FoundRecord, RecordSource};

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

fn demand(hint: RecordHint) -> Demand<String> {
    Demand { subject: hint.id, not_before: hint.not_before, removed: hint.removed }
}

fn found(user: &SsoUser) -> FoundRecord {
    let identities = user.identities.iter().map(|identity| Identity {
        provider: identity.provider.clone(),
        subject: identity.subject.clone(),
        connection: identity.connection.clone(),
    });
    FoundRecord {
        id: user.id.clone(),
        version_at: user.version,
        etag: user.etag.clone(),
        state: RecordState::Present {
            // A struct of strings and booleans always serializes.
            record: serde_json::to_value(user).unwrap_or(Value::Null),
            external_key: user.external_key.clone(),
            identities: identities.collect(),
        },
        announces: None,
    }
}
