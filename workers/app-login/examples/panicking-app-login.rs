//! `app-login` that panics over one user's sign-in, for the test that a panic costs one message and not the process. An
//! example, so that the binary that is deployed has no such switch.

use std::process::ExitCode;

use app_login::{AppLogin, FetchedSignIn, SignInKey, SignIns, SsoSettings, UnknownUser};
use event_contract::Envelope;
use postgres_store::Store;
use provider_sso::SsoClient;
use worker_process::{Worker, run};
use worker_runtime::{Failure, Handler, Mode, Outcome, Reading, Refetch, Refusal};

struct Panicking;

struct PanickingHandler(SignIns<SsoClient>);

impl Worker for Panicking {
    type Handler = PanickingHandler;
    type Settings = SsoSettings;
    const ABOUT: &'static str = AppLogin::ABOUT;

    fn handler(settings: SsoSettings, store: Store) -> anyhow::Result<PanickingHandler> {
        AppLogin::handler(settings, store).map(PanickingHandler)
    }
}

impl Handler for PanickingHandler {
    const NAME: &'static str = "app-login";
    type Subject = SignInKey;
    type Ticket = Option<UnknownUser>;
    type Fetched = FetchedSignIn;

    fn upstream(&self) -> &str {
        self.0.upstream()
    }

    fn read(&self, envelope: &Envelope) -> Result<Reading<SignInKey>, Refusal> {
        self.0.read(envelope)
    }

    async fn prepare(&self, subjects: &[SignInKey]) -> Result<Vec<Option<UnknownUser>>, Failure> {
        self.0.prepare(subjects).await
    }

    async fn fetch(
        &self,
        refetch: &Refetch<SignInKey>,
        unknown: Option<UnknownUser>,
    ) -> Result<FetchedSignIn, Failure> {
        let marked = refetch.subject.user_id().is_some_and(|user| user.ends_with("666"));
        assert!(!marked, "marked words of a panic");
        self.0.fetch(refetch, unknown).await
    }

    async fn apply(&self, batch: &[(Refetch<SignInKey>, FetchedSignIn)]) -> Result<Vec<Outcome>, Failure> {
        self.0.apply(batch).await
    }

    async fn probe(&self) -> Result<(), Failure> {
        self.0.probe().await
    }
}

fn main() -> ExitCode {
    run::<Panicking>(Mode::Forever, env!("CARGO_PKG_VERSION"))
}
