//! `identity-verification` whose refetch of one case panics, for the test that a panic costs one message and not the process. An
//! example, so that the binary that is deployed has no such switch.

use std::fmt::Display;
use std::process::ExitCode;

use authority::Role;
use event_contract::Envelope;
use identity_verification::{IdentityRecords, IdentitySettings, IdentityVerification};
use postgres_store::Store;
use provider_identity::{IdentityClient, ProviderError};
use record_sync::{FetchedRecord, RecordSource, RecordSync};
use worker_process::{Worker, run};
use worker_runtime::{Demand, Mode};

struct Panicking;

struct PanickingRecords(IdentityRecords<IdentityClient>);

impl Worker for Panicking {
    type Handler = RecordSync<PanickingRecords>;
    type Settings = IdentitySettings;
    const ABOUT: &'static str = IdentityVerification::ABOUT;

    fn handler(settings: IdentitySettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(RecordSync::new(PanickingRecords(IdentityRecords(settings.connect()?)), store))
    }
}

impl RecordSource for PanickingRecords {
    const NAME: &'static str = "identity-verification";
    const ROLE: Role = Role::Identity;

    fn source(&self) -> &'static str {
        self.0.source()
    }

    fn read_event(&self, envelope: &Envelope) -> Result<Vec<Demand<String>>, impl Display> {
        self.0.read_event(envelope)
    }

    async fn fetch(&self, id: &str, known_etag: Option<&str>) -> Result<FetchedRecord, ProviderError> {
        assert!(!id.contains("666"), "marked words of a panic");
        self.0.fetch(id, known_etag).await
    }

    async fn ping(&self) -> Result<(), ProviderError> {
        self.0.ping().await
    }
}

fn main() -> ExitCode {
    run::<Panicking>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
