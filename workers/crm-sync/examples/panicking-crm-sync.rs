//! `crm-sync` whose refetch of one contact panics, for the test that a panic costs one message and not the process. An
//! example, so that the binary that is deployed has no such switch.

use std::fmt::Display;
use std::process::ExitCode;

use authority::Role;
use crm_sync::{CrmRecords, CrmSettings, CrmSync};
use event_contract::Envelope;
use postgres_store::Store;
use provider_crm::{CrmClient, ProviderError};
use record_sync::{FetchedRecord, RecordSource, RecordSync};
use worker_process::{Worker, run};
use worker_runtime::{Demand, Mode};

struct Panicking;

struct PanickingRecords(CrmRecords<CrmClient>);

impl Worker for Panicking {
    type Handler = RecordSync<PanickingRecords>;
    type Settings = CrmSettings;
    const ABOUT: &'static str = CrmSync::ABOUT;

    fn handler(settings: CrmSettings, store: Store) -> anyhow::Result<Self::Handler> {
        Ok(RecordSync::new(PanickingRecords(CrmRecords::new(settings.connect()?)), store))
    }
}

impl RecordSource for PanickingRecords {
    const NAME: &'static str = "crm-sync";
    const ROLE: Role = Role::Crm;

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
