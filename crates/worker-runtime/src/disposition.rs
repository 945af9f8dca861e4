//! The disposition of a message, from how the work on it ended: one pure function.

use std::time::Duration;

use sqs_queue::VISIBILITY_LIMIT;

use crate::handler::{Failure, Outcome, Refusal};

/// SQS counts visibility in whole seconds, and zero would bring the message back at once.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// How the work on a message ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All its subjects ended well.
    Done(Outcome),
    /// Its event names no subject of this worker.
    Ignored,
    /// It can never be read.
    Refused(Refusal),
    /// A subject failed, and the message is the cause as far as we know.
    Failed(Failure),
    /// The upstream or our own ledger is down, or the upstream limits us. No attempt is counted.
    Outage {
        /// When it is worth looking again.
        retry_after: Duration,
    },
    /// Not started, because the process stops.
    Released,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Its work is done.
    Delete,
    /// Visible to all consumers again after this time. Zero: at once.
    VisibleAfter(Duration),
    /// Sent to the dead-letter queue with its reason, then deleted.
    DeadLetter(DeadLetterReason),
}

/// Why a message is dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterReason {
    /// A short fixed word: what an operator filters by.
    pub class: &'static str,
    /// What is wrong, without personal data.
    pub detail: String,
}

/// How often and how late a failed message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Failed attempts after which a message is dead-lettered.
    pub max_attempts: u32,
    /// Upper bound of the first wait; doubled with each attempt.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

impl RetryPolicy {
    pub(crate) fn wait(&self, attempts: u32, random: f64) -> Duration {
        // Full jitter: messages that failed together do not come back together.
        // <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
        let doublings = attempts.saturating_sub(1).min(30);
        let bound = self.base.saturating_mul(1_u32 << doublings).min(self.cap);
        bound.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST_RETRY)
    }
}

/// Decides what becomes of a message. `attempts`: its failed attempts by the ledger, this one included; `None` when the
/// ledger could not be asked. `random`: from 0 to 1, drawn by the caller, so that this function is a table.
pub fn dispose(verdict: &Verdict, attempts: Option<u32>, policy: &RetryPolicy, random: f64) -> Disposition {
    match verdict {
        Verdict::Done(Outcome::Applied | Outcome::Unchanged | Outcome::Gone) | Verdict::Ignored => {
            Disposition::Delete
        }
        Verdict::Done(Outcome::Snooze(wait)) => Disposition::VisibleAfter((*wait).max(SHORTEST_RETRY)),
        Verdict::Refused(Refusal { class, detail }) => dead(class, detail),
        Verdict::Outage { retry_after } => {
            // Spread over as long again, so that the recovered upstream is not met by all of them at once.
            let wait = (*retry_after).min(VISIBILITY_LIMIT).mul_f64(1.0 + random);
            Disposition::VisibleAfter(wait.max(SHORTEST_RETRY))
        }
        Verdict::Released => Disposition::VisibleAfter(Duration::ZERO),
        Verdict::Failed(failure) => dispose_failure(failure, attempts, policy, random),
    }
}

fn dispose_failure(
    failure: &Failure,
    attempts: Option<u32>,
    policy: &RetryPolicy,
    random: f64,
) -> Disposition {
    let wait = |attempts: Option<u32>| policy.wait(attempts.unwrap_or(1), random);
    match failure {
        Failure::Permanent { class, detail }
        | Failure::Upstream { class, detail, permanent_if_healthy: true, .. } => dead(class, detail),
        Failure::Limited { retry_after } => Disposition::VisibleAfter((*retry_after).max(SHORTEST_RETRY)),
        Failure::Transient { class, detail, retry_after }
        | Failure::Upstream { class, detail, retry_after, .. } => {
            // Without the ledger's count, no message is dead-lettered for the number of its attempts.
            if attempts.is_some_and(|attempts| attempts >= policy.max_attempts) {
                dead(class, detail)
            } else {
                Disposition::VisibleAfter(retry_after.unwrap_or_default().max(wait(attempts)))
            }
        }
    }
}

fn dead(class: &'static str, detail: &str) -> Disposition {
    Disposition::DeadLetter(DeadLetterReason { class, detail: detail.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { max_attempts: 5, base: Duration::from_secs(2), cap: Duration::from_secs(900) };

    const fn after(secs: u64) -> Disposition {
        Disposition::VisibleAfter(Duration::from_secs(secs))
    }

    fn transient(retry_after: Option<u64>) -> Verdict {
        let retry_after = retry_after.map(Duration::from_secs);
        Verdict::Failed(Failure::Transient { class: "database", detail: String::from("lost"), retry_after })
    }

    fn upstream(permanent_if_healthy: bool) -> Verdict {
        let detail = String::from("500");
        Verdict::Failed(Failure::Upstream {
            class: "upstream",
            detail,
            retry_after: None,
            permanent_if_healthy,
        })
    }

    #[test]
    fn every_verdict_has_its_disposition() {
        let permanent = || Failure::Permanent { class: "invalid", detail: String::from("400") };
        let refusal = || Refusal { class: "unreadable", detail: String::from("line 1") };
        let outage = || Verdict::Outage { retry_after: Duration::from_secs(30) };
        let limited = || Verdict::Failed(Failure::Limited { retry_after: Duration::from_secs(17) });
        let snooze = |secs| Verdict::Done(Outcome::Snooze(Duration::from_secs(secs)));
        // (verdict, attempts by the ledger, random) → disposition
        let table = [
            (Verdict::Done(Outcome::Applied), None, 0.5, Disposition::Delete),
            (Verdict::Done(Outcome::Unchanged), None, 0.5, Disposition::Delete),
            (Verdict::Done(Outcome::Gone), None, 0.5, Disposition::Delete),
            (Verdict::Ignored, None, 0.5, Disposition::Delete),
            (snooze(3), None, 0.5, after(3)),
            (snooze(0), None, 0.5, after(1)),
            (Verdict::Released, None, 0.5, after(0)),
            (Verdict::Refused(refusal()), None, 0.5, dead("unreadable", "line 1")),
            (Verdict::Failed(permanent()), Some(1), 0.5, dead("invalid", "400")),
            (outage(), None, 0.0, after(30)),
            (outage(), Some(99), 1.0, after(60)),
            (limited(), Some(99), 0.5, after(17)),
            (transient(None), Some(1), 1.0, after(2)),
            (transient(None), Some(2), 1.0, after(4)),
            (transient(None), Some(4), 1.0, after(16)),
            (transient(None), Some(4), 0.0, after(1)),
            (transient(Some(40)), Some(1), 1.0, after(40)),
            (transient(None), Some(5), 1.0, dead("database", "lost")),
            (transient(None), Some(6), 1.0, dead("database", "lost")),
            (transient(None), None, 1.0, after(2)),
            (upstream(false), Some(4), 1.0, after(16)),
            (upstream(false), Some(5), 1.0, dead("upstream", "500")),
            (upstream(true), Some(1), 1.0, dead("upstream", "500")),
        ];
        for (verdict, attempts, random, expected) in table {
            assert_eq!(
                dispose(&verdict, attempts, &POLICY, random),
                expected,
                "{verdict:?} {attempts:?} {random}"
            );
        }
    }

    #[test]
    fn an_outage_without_an_end_is_capped() {
        let outage = Verdict::Outage { retry_after: Duration::MAX };
        assert_eq!(dispose(&outage, None, &POLICY, 1.0), Disposition::VisibleAfter(VISIBILITY_LIMIT * 2));
    }

    #[test]
    fn waits_are_capped() {
        let policy = RetryPolicy { max_attempts: u32::MAX, ..POLICY };
        assert_eq!(dispose(&transient(None), Some(4_000_000_000), &policy, 1.0), after(900));
    }
}
