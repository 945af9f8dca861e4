//! Probes an upstream, and writes the result to the shared breaker.

use std::time::Duration;

use sqs_queue::VISIBILITY_LIMIT;

use crate::catch::guarded;
use crate::handler::{Failure, Handler, Probed};
use crate::ledger::{BreakerView, Ledger, LedgerDown};
use crate::metrics;
use crate::options::Options;

const PROBE_LEASE: Duration = Duration::from_secs(30);

/// Reason of an opening: the upstream asks for a pause.
pub(crate) const LIMITED: &str = "rate_limited";

/// Reason of an opening: the upstream refuses this worker's work. Its permissions and fields there have to be checked.
pub(crate) const REFUSED: &str = "refused";

const OUTAGE: &str = "outage";

/// Why a failure opens a breaker.
pub(crate) const fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Limited { .. } => LIMITED,
        Failure::Rejected { .. } => REFUSED,
        Failure::Ours { .. } | Failure::Transient { .. } | Failure::Upstream { .. } => OUTAGE,
    }
}

/// The breaker's row. What is refused to this worker may be allowed to another, so it has a row of its own.
pub(crate) fn row<H: Handler>(handler: &H, reason: &str) -> String {
    let upstream = handler.upstream();
    if reason == REFUSED { format!("{upstream} ({})", H::NAME) } else { upstream.to_owned() }
}

/// What the probe of a failure found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verified {
    Answered(Probed),
    Open(BreakerView),
}

/// Probes the upstream after a failure. Opens the breaker for the fleet if the probe fails.
pub(crate) async fn verify<H: Handler, L: Ledger>(
    handler: &H,
    ledger: &L,
    options: &Options,
) -> Result<Verified, LedgerDown> {
    let view = read(handler, ledger).await?.1;
    if view != BreakerView::Closed {
        return Ok(Verified::Open(view));
    }
    match probe(handler, options).await {
        Ok(probed) => Ok(Verified::Answered(probed)),
        Err(Failure::Ours { detail, .. }) => Err(LedgerDown(detail)),
        Err(failure) => {
            let hint = retry_hint(&failure);
            let until_probe = hint.unwrap_or(options.probe_interval);
            // A pause that the upstream asks for is not lengthened.
            let longest = hint.unwrap_or(options.longest_probe_interval);
            let reason = reason(&failure);
            ledger.open_breaker(&row(handler, reason), reason, until_probe, longest).await?;
            metrics::breaker_opened(handler.upstream(), reason, until_probe);
            Ok(Verified::Open(BreakerView::Open { until_probe }))
        }
    }
}

/// Reads the fleet's view, and probes if that is due. `check`: our own side was down, and has to prove itself first.
pub(crate) async fn refresh<H: Handler, L: Ledger>(
    handler: &H,
    ledger: &L,
    options: &Options,
    check: bool,
) -> Result<BreakerView, LedgerDown> {
    if check {
        ledger.check().await?;
    }
    let (row, view) = read(handler, ledger).await?;
    let due = matches!(view, BreakerView::Open { until_probe } if until_probe.is_zero());
    if !due {
        return Ok(view);
    }
    let Some(lease) = ledger.lease_probe(&row, PROBE_LEASE).await? else { return Ok(view) };
    match probe(handler, options).await {
        Ok(_) => ledger.close_breaker(&row, lease).await?,
        Err(Failure::Ours { detail, .. }) => return Err(LedgerDown(detail)),
        Err(failure) => {
            let first = retry_hint(&failure).unwrap_or(options.probe_interval);
            // A pause that the upstream asks for may be longer than our longest interval: it holds.
            let longest = options.longest_probe_interval.max(first);
            ledger.postpone_probe(&row, lease, first, longest).await?;
        }
    }
    Ok(read(handler, ledger).await?.1)
}

/// The first open row, or the last one.
async fn read<H: Handler, L: Ledger>(handler: &H, ledger: &L) -> Result<(String, BreakerView), LedgerDown> {
    let upstream = row(handler, OUTAGE);
    let view = ledger.breaker(&upstream).await?;
    if view != BreakerView::Closed {
        return Ok((upstream, view));
    }
    let own = row(handler, REFUSED);
    let view = ledger.breaker(&own).await?;
    Ok((own, view))
}

async fn probe<H: Handler>(handler: &H, options: &Options) -> Result<Probed, Failure> {
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
        Failure::Ours { .. } | Failure::Rejected { .. } => None,
    };
    hint.map(|hint| hint.min(VISIBILITY_LIMIT))
}
