//! `crm-account` that panics at one person, for the test that a panic costs one message and not the process. An example,
//! so that the binary that is deployed has no such switch.

use std::process::ExitCode;

use crm_account::{CrmAccount, CrmAccountHandler, CrmSettings, Push};
use event_contract::Envelope;
use postgres_store::{CrmView, Store};
use provider_crm::CrmClient;
use uuid::Uuid;
use worker_process::{Worker, run};
use worker_runtime::{Failure, Handler, Mode, Outcome, Reading, Refetch, Refusal};

/// The person of number 666 in the tests.
const PANICKING: Uuid = Uuid::from_u128(666 + 1);

struct Panicking;

struct PanickingHandler(CrmAccountHandler<CrmClient>);

impl Worker for Panicking {
    type Handler = PanickingHandler;
    type Settings = CrmSettings;
    const ABOUT: &'static str = CrmAccount::ABOUT;

    fn handler(settings: CrmSettings, store: Store) -> anyhow::Result<PanickingHandler> {
        CrmAccount::handler(settings, store).map(PanickingHandler)
    }
}

impl Handler for PanickingHandler {
    const NAME: &'static str = "crm-account";
    type Subject = Uuid;
    type Ticket = Option<CrmView>;
    type Fetched = Push;

    fn upstream(&self) -> &str {
        self.0.upstream()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<Uuid>, Refusal> {
        self.0.read(envelope)
    }

    async fn prepare(&self, subjects: &[Uuid]) -> Result<Vec<Option<CrmView>>, Failure> {
        self.0.prepare(subjects).await
    }

    async fn fetch(&self, refetch: &Refetch<Uuid>, view: Option<CrmView>) -> Result<Push, Failure> {
        assert!(refetch.subject != PANICKING, "marked words of a panic");
        self.0.fetch(refetch, view).await
    }

    async fn apply(&self, batch: &[(Refetch<Uuid>, Push)]) -> Result<Vec<Outcome>, Failure> {
        self.0.apply(batch).await
    }

    async fn probe(&self) -> Result<(), Failure> {
        self.0.probe().await
    }
}

fn main() -> ExitCode {
    run::<Panicking>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
