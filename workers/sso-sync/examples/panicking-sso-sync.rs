//! `sso-sync` whose refetch of the user `auth0|666` panics, for the test that a panic costs one message and not the
//! process. An example, so that the binary that is deployed has no such switch.

use std::process::ExitCode;

use event_contract::Envelope;
use postgres_store::{RefetchTicket, Store};
use provider_sso::SsoClient;
use record_sync::{RecordSync, Reread};
use sso_sync::{SsoRecords, SsoSettings, SsoSync};
use worker_process::{Worker, run};
use worker_runtime::{Failure, Handler, Mode, Outcome, Reading, Refetch, Refusal};

struct Panicking;

struct PanickingHandler(RecordSync<SsoRecords<SsoClient>>);

impl Worker for Panicking {
    type Handler = PanickingHandler;
    type Settings = SsoSettings;
    const ABOUT: &'static str = SsoSync::ABOUT;

    fn handler(settings: SsoSettings, store: Store) -> anyhow::Result<PanickingHandler> {
        SsoSync::handler(settings, store).map(PanickingHandler)
    }
}

impl Handler for PanickingHandler {
    const NAME: &'static str = "sso-sync";
    type Subject = String;
    type Ticket = RefetchTicket;
    type Fetched = Reread;

    fn upstream(&self) -> &str {
        self.0.upstream()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<String>, Refusal> {
        self.0.read(envelope)
    }

    async fn prepare(&self, subjects: &[String]) -> Result<Vec<RefetchTicket>, Failure> {
        self.0.prepare(subjects).await
    }

    async fn fetch(&self, refetch: &Refetch<String>, ticket: RefetchTicket) -> Result<Reread, Failure> {
        assert!(!refetch.subject.contains("666"), "marked words of a panic");
        self.0.fetch(refetch, ticket).await
    }

    async fn apply(&self, batch: &[(Refetch<String>, Reread)]) -> Result<Vec<Outcome>, Failure> {
        self.0.apply(batch).await
    }

    async fn probe(&self) -> Result<(), Failure> {
        self.0.probe().await
    }
}

fn main() -> ExitCode {
    run::<Panicking>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
