//! Checks that the unit's provider answers and accepts our credentials: one cheap authenticated call. If it does, `records` goes on.

use connectors::{ProviderError, Source};
use time::OffsetDateTime;

use super::finding::Findings;
use super::records;
use super::target::Provider;

const CHECK: &str = "provider";

pub(crate) async fn check(provider: Provider, findings: &mut Findings) {
    match provider {
        Provider::None => findings.skipped(CHECK, "credentials", "not checked: name a unit with --unit"),
        Provider::Ingress => findings.ok(CHECK, "webhooks", "at least one provider's secret is set"),
        Provider::Of(source) => {
            let answer = source.records.ping().await;
            let answers = answer.is_ok();
            judge(&source, answer, findings);
            if answers {
                records::check(&source, findings).await;
            }
            if let Some(subscriptions) = source.records.subscriptions() {
                judge_subscription(source.name(), subscriptions.ends_at().await, findings);
            }
        }
    }
}

/// Whether the source sends its changes. Without a subscription, only the feed that `resync-enqueuer` reads has them.
fn judge_subscription(
    source: &str,
    ends_at: Result<Option<OffsetDateTime>, ProviderError>,
    findings: &mut Findings,
) {
    let subject = format!("subscription of {source}");
    match ends_at {
        Ok(Some(end)) => findings.ok(CHECK, &subject, format!("it lasts until {}", end.date())),
        Ok(None) => findings.fault(
            CHECK,
            &subject,
            format!("there is none for notification_url in [sources.{source}]: the source sends no changes"),
            format!("run `resync-enqueuer {source} changes`, and check that its CronJob runs: each run keeps the subscription"),
        ),
        Err(error) => findings.skipped(CHECK, &subject, format!("not checked: {error}")),
    }
}

fn judge(source: &Source, answer: Result<(), ProviderError>, findings: &mut Findings) {
    let (source, connector) = (source.name(), source.events.connector.name);
    let own = format!("[sources.{source}]");
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
                "check the URL in {own}, which probably belongs to another service, and that its connector is not {connector}"
            )
        }
    };
    findings.fault(CHECK, source, error.to_string(), fix);
}
