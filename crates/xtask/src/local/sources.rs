//! The sources beside the three of every [`World`]: simulators, a SCIM server of other authors, and the webhooks that they send.
//! In: a world, and a `coppice.toml` whose addresses end in `.example`. Out: the file with the servers' addresses, and their
//! secrets. Must not know: the units.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use simulators::SignedWebhook;
use simulators::entra::{Application, EntraSimulator};
use simulators::hubspot::{HubSpotControl, HubSpotSimulator};
use simulators::identity::PersonaSimulator;
use simulators::okta::OktaSimulator;
use testkit::{ScimServer, World};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

/// Where the sources believe that the ingress is. HubSpot signs it.
pub(crate) const PUBLIC_URL: &str = "https://hooks.example.org";

/// What proves that a source has sent a webhook. The secret is public.
pub(crate) const SECRET: &str = "local-webhook-secret";
pub(crate) const BEARER: &str = "Bearer local-webhook-secret";

const ENTRA_SECRET: &str = "sim-secret-41d09c";
const HUBSPOTS_PACE: Duration = Duration::from_millis(50);

pub(crate) struct Sources {
    pub(crate) okta: OktaSimulator,
    pub(crate) entra: EntraSimulator,
    pub(crate) hubspot: HubSpotSimulator,
    pub(crate) persona: PersonaSimulator,
    pub(crate) directory: ScimServer,
}

impl Sources {
    pub(crate) async fn start() -> Self {
        let (okta, entra, hubspot, persona, directory) = tokio::join!(
            OktaSimulator::start(),
            EntraSimulator::start(),
            HubSpotSimulator::start(),
            PersonaSimulator::start(),
            ScimServer::start()
        );
        let application = Application::new("11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f");
        entra.put_application(application.with_secret(ENTRA_SECRET));
        Self { okta, entra, hubspot, persona, directory }
    }

    /// A file with the addresses of the servers.
    pub(crate) fn file(&self, world: &World, ingress: &Ingress, file: &str) -> String {
        let addresses = [
            ("hooks", format!("http://{}/webhooks", ingress.address)),
            ("auth0", world.idp.base_url()),
            ("okta", self.okta.base_url()),
            ("graph", self.entra.base_url()),
            ("salesforce", world.crm.base_url()),
            ("hubspot", self.hubspot.base_url()),
            ("stripe", world.verifier.base_url()),
            ("persona", self.persona.base_url()),
            ("directory", self.directory.base_url().to_owned()),
        ];
        addresses.iter().fold(file.to_owned(), |file, (name, address)| {
            file.replace(&format!("https://{name}.example"), address)
        })
    }

    /// The secrets of the servers, as variables.
    pub(crate) fn secrets(&self, world: &World) -> Vec<(&'static str, String)> {
        let secrets = [
            ("COPPICE_SECRET_AUTH0_CLIENT_SECRET", world.idp.client_secret()),
            ("COPPICE_SECRET_OKTA_API_TOKEN", self.okta.api_token()),
            ("COPPICE_SECRET_ENTRA_CLIENT_SECRET", ENTRA_SECRET),
            ("COPPICE_SECRET_SALESFORCE_CLIENT_SECRET", world.crm.client_secret()),
            ("COPPICE_SECRET_HUBSPOT_TOKEN", self.hubspot.token()),
            ("COPPICE_SECRET_STRIPE_API_KEY", world.verifier.api_key()),
            ("COPPICE_SECRET_PERSONA_API_KEY", self.persona.api_key()),
            ("COPPICE_SECRET_DIRECTORY_TOKEN", self.directory.token()),
            ("COPPICE_SECRET_WEBHOOK", SECRET),
            ("COPPICE_SECRET_WEBHOOK_BEARER", BEARER),
        ];
        secrets.map(|(name, secret)| (name, secret.to_owned())).into()
    }
}

/// `webhook-ingress` as the sources see it.
#[derive(Debug, Clone)]
pub(crate) struct Ingress {
    pub(crate) address: String,
}

impl Ingress {
    /// Persona's webhook about a change.
    pub(crate) async fn persona(&self, change: &simulators::identity::InquiryChange) -> anyhow::Result<()> {
        self.send("persona", change.webhook(SECRET)).await
    }

    /// The directory's webhook about a record, as it is now.
    pub(crate) async fn directory(&self, record: &Value) -> anyhow::Result<()> {
        let headers = vec![("authorization", BEARER.to_owned())];
        self.send("directory", SignedWebhook { headers, body: record.to_string() }).await
    }

    async fn send(&self, source: &str, webhook: SignedWebhook) -> anyhow::Result<()> {
        let url = format!("http://{}/webhooks/{source}", self.address);
        let call = reqwest::Client::new().post(url).header("content-type", "application/json");
        let call = webhook.headers.iter().fold(call, |call, (name, value)| call.header(*name, value));
        let status = call.body(webhook.body).send().await.context("the ingress answers")?.status();
        ensure!(status.is_success(), "the ingress answered a webhook of {source} with {status}");
        Ok(())
    }

    /// Sends HubSpot's webhooks, as long as the result lives.
    pub(crate) fn start_hubspot(&self, hubspot: HubSpotControl) -> HubSpotWebhooks {
        let ingress = self.clone();
        let url = format!("{PUBLIC_URL}/webhooks/hubspot");
        HubSpotWebhooks(tokio::spawn(async move {
            let (mut ticks, mut events) = (tokio::time::interval(HUBSPOTS_PACE), Vec::new());
            loop {
                ticks.tick().await;
                events.extend(hubspot.take_events());
                if events.is_empty() {
                    continue;
                }
                // What the ingress does not take is sent again, as HubSpot does.
                let webhook = hubspot.webhook(&url, SECRET, &events, OffsetDateTime::now_utc());
                if ingress.send("hubspot", webhook).await.is_ok() {
                    events.clear();
                }
            }
        }))
    }
}

/// A running task. Dropping it stops it.
pub(crate) struct HubSpotWebhooks(JoinHandle<()>);

impl Drop for HubSpotWebhooks {
    fn drop(&mut self) {
        self.0.abort();
    }
}
