//! Probes an upstream, and writes the result to the shared breaker.

use std::time::Duration;

use sqs_queue::VISIBILITY_LIMIT;

use crate::catch::guarded;
use crate::handler::{Failure, Handler};
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::metrics;
use crate::options::Options;

const PROBE_LEASE: Duration = Duration::from_secs(30);

/// Probes the upstream after a failure. Opens the breaker for the fleet if the probe fails.
pub(crate) async fn verify<H: Handler, L: Ledger>(
    handler: &H,
    ledger: &L,
    options: &Options,
) -> Result<BreakerView, LedgerDown> {
    let upstream = handler.upstream();
    if let BreakerView::Open { until_probe } = ledger.breaker(upstream).await? {
        return Ok(BreakerView::Open { until_probe });
    }
    match probe(handler, options).await {
        Ok(()) => Ok(BreakerView::Closed),
        Err(failure) => {
            let hint = retry_hint(&failure);
            let until_probe = hint.unwrap_or(options.probe_interval);
            // A pause that the upstream asks for is not lengthened.
            let longest = hint.unwrap_or(options.longest_probe_interval);
            ledger.open_breaker(upstream, failure.class(), until_probe, longest).await?;
            metrics::breaker_opened(upstream, failure.class(), until_probe);
            Ok(BreakerView::Open { until_probe })
        }
    }
}

pub(crate) async fn refresh<H: Handler, L: Ledger>(
    handler: &H,
    ledger: &L,
    options: &Options,
) -> Result<BreakerView, LedgerDown> {
    let upstream = handler.upstream();
    let view = ledger.breaker(upstream).await?;
    let due = matches!(view, BreakerView::Open { until_probe } if until_probe.is_zero());
    if !due {
        return Ok(view);
    }
    let Some(lease) = ledger.lease_probe(upstream, PROBE_LEASE).await? else { return Ok(view) };
    match probe(handler, options).await {
        Ok(()) => ledger.close_breaker(upstream, lease).await?,
        Err(failure) => {
            let first = retry_hint(&failure).unwrap_or(options.probe_interval);
            // A pause that the upstream asks for may be longer than our longest interval: it holds.
            let longest = options.longest_probe_interval.max(first);
            ledger.postpone_probe(upstream, lease, first, longest).await?;
        }
    }
    ledger.breaker(upstream).await
}

async fn probe<H: Handler>(handler: &H, options: &Options) -> Result<(), Failure> {
    // Half the lease: no other pod may probe while this probe is under way.
    let result =
        guarded("probe", options.step_limit.min(PROBE_LEASE / 2), async { handler.probe().await }).await;
    metrics::probed(handler.upstream(), result.is_ok());
    result
}

fn retry_hint(failure: &Failure) -> Option<Duration> {
    let hint = match failure {
        Failure::Limited { retry_after } => Some(*retry_after),
        Failure::Upstream { retry_after, .. } | Failure::Transient { retry_after, .. } => *retry_after,
        Failure::Permanent { .. } => None,
    };
    hint.map(|hint| hint.min(VISIBILITY_LIMIT))
}
