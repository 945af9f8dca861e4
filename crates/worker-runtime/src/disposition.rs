//! The disposition of a message, from how the work on it ended: one pure function.

use std::time::Duration;

use sqs_queue::VISIBILITY_LIMIT;

use crate::attribution::{Evidence, attribute};
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
    /// A subject failed. Whether its record is the cause is decided by the evidence.
    Failed(Failure),
    /// The upstream or our own side is down, or the upstream limits us. No attempt is counted.
    Outage {
        /// When it is worth looking again.
        retry_after: Duration,
    },
    /// It has failed before, and the upstream is being tried with other records.
    Aside {
        /// How long others go first.
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
    /// The wait after so many failed attempts. `random`: from 0 to 1.
    pub(crate) fn wait(&self, attempts: u32, random: f64) -> Duration {
        // Full jitter: messages that failed together do not come back together.
        // <https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/>
        let doublings = attempts.saturating_sub(1).min(30);
        let bound = self.base.saturating_mul(1_u32 << doublings).min(self.cap);
        bound.mul_f64(random.clamp(0.0, 1.0)).max(SHORTEST_RETRY)
    }
}

/// Decides what becomes of a message. `random`: from 0 to 1, drawn by the caller, so that this function is a table.
pub fn dispose(verdict: &Verdict, evidence: &Evidence, policy: &RetryPolicy, random: f64) -> Disposition {
    match verdict {
        Verdict::Done(Outcome::Applied | Outcome::Unchanged | Outcome::Gone | Outcome::Missing)
        | Verdict::Ignored => Disposition::Delete,
        Verdict::Done(Outcome::Snooze(wait)) => Disposition::VisibleAfter((*wait).max(SHORTEST_RETRY)),
        // It cannot be read: no other record is needed to see that.
        Verdict::Refused(Refusal { class, detail }) => dead(class, detail.clone()),
        Verdict::Outage { retry_after } => {
            // Spread over as long again, so that the recovered upstream is not met by all of them at once.
            let wait = (*retry_after).min(VISIBILITY_LIMIT).mul_f64(1.0 + random);
            Disposition::VisibleAfter(wait.max(SHORTEST_RETRY))
        }
        Verdict::Aside { retry_after } => Disposition::VisibleAfter((*retry_after).max(SHORTEST_RETRY)),
        Verdict::Released => Disposition::VisibleAfter(Duration::ZERO),
        Verdict::Failed(failure) => match attribute(failure, evidence, policy.max_attempts) {
            Some(proof) => dead(failure.class(), format!("{}; {proof}", failure.detail())),
            None => Disposition::VisibleAfter(next_try(failure, evidence, policy, random)),
        },
    }
}

fn next_try(failure: &Failure, evidence: &Evidence, policy: &RetryPolicy, random: f64) -> Duration {
    let wished = match failure {
        Failure::Limited { retry_after } => return (*retry_after).max(SHORTEST_RETRY),
        Failure::Transient { retry_after, .. } | Failure::Upstream { retry_after, .. } => *retry_after,
        Failure::Ours { .. } | Failure::Rejected { .. } => None,
    };
    let attempts = evidence.failures.map_or(1, |failures| failures.attempts);
    wished.unwrap_or_default().max(policy.wait(attempts, random))
}

fn dead(class: &'static str, detail: String) -> Disposition {
    Disposition::DeadLetter(DeadLetterReason { class, detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::RecordedFailure;

    const POLICY: RetryPolicy =
        RetryPolicy { max_attempts: 5, base: Duration::from_secs(2), cap: Duration::from_secs(900) };

    const fn after(secs: u64) -> Disposition {
        Disposition::VisibleAfter(Duration::from_secs(secs))
    }

    fn transient(retry_after: Option<u64>) -> Verdict {
        let retry_after = retry_after.map(Duration::from_secs);
        Verdict::Failed(Failure::Transient { class: "panic", detail: String::from("lost"), retry_after })
    }

    /// So many failures, all but the first with a witness.
    fn evidence(attempts: u32) -> Evidence {
        let failures = RecordedFailure {
            attempts,
            of_class: attempts,
            witnessed: attempts - 1,
            witnessed_of_class: attempts - 1,
            first_failed_at: time::OffsetDateTime::UNIX_EPOCH,
        };
        Evidence { failures: Some(failures), others_fail: false }
    }

    #[test]
    fn every_verdict_has_its_disposition() {
        let rejected = || {
            let detail = String::from("400");
            Verdict::Failed(Failure::Rejected { class: "invalid", detail, names_record: false })
        };
        let refusal = || Refusal { class: "unreadable", detail: String::from("line 1") };
        let outage = || Verdict::Outage { retry_after: Duration::from_secs(30) };
        let aside = |secs| Verdict::Aside { retry_after: Duration::from_secs(secs) };
        let limited = || Verdict::Failed(Failure::Limited { retry_after: Duration::from_secs(17) });
        let upstream =
            || Failure::Upstream { class: "timeout", detail: String::from("5 s"), retry_after: None };
        let snooze = |secs| Verdict::Done(Outcome::Snooze(Duration::from_secs(secs)));
        let dead = |class, detail: &str| dead(class, detail.to_owned());
        let none = Evidence::default();
        let mut unwitnessed = evidence(99);
        unwitnessed.failures.iter_mut().for_each(|failures| failures.witnessed_of_class = 0);
        // (verdict, evidence, random) → disposition
        let table = [
            (Verdict::Done(Outcome::Applied), none, 0.5, Disposition::Delete),
            (Verdict::Done(Outcome::Unchanged), none, 0.5, Disposition::Delete),
            (Verdict::Done(Outcome::Gone), none, 0.5, Disposition::Delete),
            (Verdict::Done(Outcome::Missing), none, 0.5, Disposition::Delete),
            (Verdict::Ignored, none, 0.5, Disposition::Delete),
            (snooze(3), none, 0.5, after(3)),
            (snooze(0), none, 0.5, after(1)),
            (Verdict::Released, none, 0.5, after(0)),
            (Verdict::Refused(refusal()), none, 0.5, dead("unreadable", "line 1")),
            (rejected(), evidence(1), 1.0, after(2)),
            (
                rejected(),
                evidence(2),
                0.5,
                dead("invalid", "400; another record went the same way meanwhile"),
            ),
            (rejected(), unwitnessed, 1.0, after(900)),
            (outage(), none, 0.0, after(30)),
            (outage(), evidence(99), 1.0, after(60)),
            (aside(7), none, 0.5, after(7)),
            (aside(0), none, 0.5, after(1)),
            (limited(), evidence(99), 0.5, after(17)),
            (transient(None), evidence(1), 1.0, after(2)),
            (transient(None), evidence(2), 1.0, after(4)),
            (transient(None), evidence(4), 1.0, after(16)),
            (transient(None), evidence(4), 0.0, after(1)),
            (transient(Some(40)), evidence(1), 1.0, after(40)),
            (
                transient(None),
                evidence(5),
                1.0,
                dead("panic", "lost; other records went the same way 4 times meanwhile"),
            ),
            (transient(None), none, 1.0, after(2)),
            (Verdict::Failed(upstream()), evidence(4), 1.0, after(16)),
            (
                Verdict::Failed(upstream()),
                evidence(5),
                1.0,
                dead("timeout", "5 s; other records went the same way 4 times meanwhile"),
            ),
        ];
        for (verdict, evidence, random, expected) in table {
            assert_eq!(dispose(&verdict, &evidence, &POLICY, random), expected, "{verdict:?} {evidence:?}");
        }
    }

    #[test]
    fn an_outage_without_an_end_is_capped() {
        let outage = Verdict::Outage { retry_after: Duration::MAX };
        assert_eq!(
            dispose(&outage, &Evidence::default(), &POLICY, 1.0),
            Disposition::VisibleAfter(VISIBILITY_LIMIT * 2)
        );
    }

    #[test]
    fn waits_are_capped() {
        let policy = RetryPolicy { max_attempts: u32::MAX, ..POLICY };
        assert_eq!(dispose(&transient(None), &evidence(4_000_000_000), &policy, 1.0), after(900));
    }
}
