//! Checks that the unit's provider answers and accepts our credentials: one cheap authenticated call.

use provider_crm::CrmProvider;
use provider_http::ProviderError;
use provider_identity::IdentityProvider;
use provider_sso::SsoProvider;

use super::finding::Findings;
use super::target::Provider;
use crate::OperationError;

const CHECK: &str = "provider";

pub(crate) async fn check(provider: Provider, findings: &mut Findings) -> Result<(), OperationError> {
    let (source, settings, answer) = match provider {
        Provider::None => {
            findings.skipped(CHECK, "credentials", "not checked: name a unit with --unit");
            return Ok(());
        }
        Provider::Ingress => {
            findings.ok(CHECK, "webhooks", "at least one provider's secret is set");
            return Ok(());
        }
        Provider::Sso(settings) => {
            let client = settings.connect()?;
            (client.source(), "COPPICE_SSO_*", client.ping().await)
        }
        Provider::Crm(settings) => {
            let client = settings.connect()?;
            (client.source(), "COPPICE_CRM_*", client.ping().await)
        }
        Provider::Identity(settings) => {
            let client = settings.connect()?;
            (client.source(), "COPPICE_IDENTITY_*", client.ping().await)
        }
    };
    judge(source, settings, answer, findings);
    Ok(())
}

fn judge(source: &str, settings: &str, answer: Result<(), ProviderError>, findings: &mut Findings) {
    let own = format!("COPPICE_{}_*", source.to_uppercase());
    let Err(error) = answer else {
        return findings.ok(CHECK, source, "it answers, and accepts our credentials");
    };
    let fix = match error {
        ProviderError::RateLimited { .. } => {
            let why = format!("{error}: whether it accepts our credentials is not known");
            return findings.skipped(CHECK, source, why);
        }
        ProviderError::Refused { code, .. } => {
            format!(
                "check the permissions and fields of our user there: it refuses the list of one record with {code}"
            )
        }
        ProviderError::Unauthorized => {
            format!("renew the credentials in {own}, and check that they may read records")
        }
        ProviderError::Unavailable { .. } => {
            format!(
                "check the URL in {own} and the NetworkPolicy (connect: no connection, unknown host or failed TLS). If the provider is down, wait: units start without it"
            )
        }
        ProviderError::TooLarge { setting, .. } => format!("raise {setting} in {own}"),
        ProviderError::Invalid { .. }
        | ProviderError::Malformed { .. }
        | ProviderError::Unreadable { .. }
        | ProviderError::Unusable { .. } => {
            format!(
                "check the URL in {own}, which probably belongs to another service, and that {settings} names the right provider"
            )
        }
    };
    findings.fault(CHECK, source, error.to_string(), fix);
}
