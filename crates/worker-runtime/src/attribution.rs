//! Failure attribution: whether the evidence condemns a record. One pure function, so that its rule is a table.
//!
//! Three parties can be at fault: the record, the upstream (its outage, its limits, our set-up and permissions there), and we.
//! A record is condemned only on positive evidence: it fails again, and another record went the same way meanwhile. Without
//! evidence its message waits. Whether the upstream is at fault is for the breaker, and whether we are, for the gate: their
//! failures do not come here.

use crate::handler::Failure;
use crate::ledger::RecordedFailure;

/// What is known when a message has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The message's failures by the ledger, this one included. `None`: the ledger could not be asked.
    pub failures: Option<RecordedFailure>,
    /// Several other records fail, and none has gone the same way since.
    pub others_fail: bool,
}

/// Why a record is condemned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Another record went the same way between two failures of this one, so many times.
    Witnesses(u32),
    /// The refusal names this record's content, twice, and few other records fail.
    Named,
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Witnesses(1) => f.write_str("another record went the same way meanwhile"),
            Self::Witnesses(times) => write!(f, "other records went the same way {times} times meanwhile"),
            Self::Named => f.write_str("the refusal names the record's content, and few other records fail"),
        }
    }
}

/// Whether the evidence condemns the record. `max_attempts`: failures after which one that may pass is believed to stay. Only
/// those count that have a witness, besides the first.
pub fn attribute(failure: &Failure, evidence: &Evidence, max_attempts: u32) -> Option<Proof> {
    let failures = evidence.failures?;
    let (witnesses, needed, named) = match failure {
        Failure::Ours { .. } | Failure::Limited { .. } => return None,
        // A refusal is final once it was repeated. An earlier failure of another kind says nothing about this one.
        Failure::Rejected { names_record, .. } => {
            (failures.witnessed_of_class, 1, *names_record && failures.of_class > 1 && !evidence.others_fail)
        }
        Failure::Transient { .. } | Failure::Upstream { .. } => {
            (failures.witnessed, max_attempts.saturating_sub(1), false)
        }
    };
    let witnessed = witnesses >= needed.max(1);
    witnessed.then_some(Proof::Witnesses(witnesses)).or_else(|| named.then_some(Proof::Named))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (attempts, of its class, witnessed, witnessed of its class)
    fn failures(
        (attempts, of_class, witnessed, witnessed_of_class): (u32, u32, u32, u32),
    ) -> RecordedFailure {
        let first_failed_at = time::OffsetDateTime::UNIX_EPOCH;
        RecordedFailure { attempts, of_class, witnessed, witnessed_of_class, first_failed_at }
    }

    #[test]
    fn a_record_is_condemned_only_on_evidence() {
        let detail = || String::from("x");
        let rejected =
            |names_record| Failure::Rejected { class: "provider_refused", detail: detail(), names_record };
        let upstream = || Failure::Upstream { class: "timeout", detail: detail(), retry_after: None };
        let transient = || Failure::Transient { class: "panic", detail: detail(), retry_after: None };
        let ours = || Failure::Ours { class: "database", detail: detail() };
        let limited = || Failure::Limited { retry_after: std::time::Duration::ZERO };
        let witnesses = |times| Some(Proof::Witnesses(times));
        // (failure, (attempts, of its class, witnessed, witnessed of its class), other records fail too) → proof
        let table = [
            (rejected(false), (1, 1, 0, 0), false, None),
            (rejected(false), (2, 2, 0, 0), false, None),
            (rejected(false), (2, 2, 1, 1), false, witnesses(1)),
            (rejected(false), (2, 2, 1, 1), true, witnesses(1)),
            (rejected(false), (9, 1, 8, 0), false, None),
            (rejected(true), (1, 1, 0, 0), false, None),
            (rejected(true), (9, 1, 8, 0), false, None),
            (rejected(true), (2, 2, 0, 0), false, Some(Proof::Named)),
            (rejected(true), (2, 2, 0, 0), true, None),
            (rejected(true), (2, 2, 1, 1), true, witnesses(1)),
            (upstream(), (4, 4, 3, 3), false, None),
            (upstream(), (6, 3, 4, 2), false, witnesses(4)),
            (upstream(), (99, 99, 3, 3), false, None),
            (transient(), (5, 5, 4, 4), true, witnesses(4)),
            (transient(), (99, 99, 0, 0), false, None),
            (ours(), (99, 99, 98, 98), false, None),
            (limited(), (99, 99, 98, 98), false, None),
        ];
        for (failure, counts, others_fail, expected) in table {
            let evidence = Evidence { failures: Some(failures(counts)), others_fail };
            assert_eq!(attribute(&failure, &evidence, 5), expected, "{failure:?} {evidence:?}");
            let uncounted = Evidence { failures: None, ..evidence };
            assert_eq!(attribute(&failure, &uncounted, 5), None, "the ledger did not answer: {failure:?}");
        }
        let once = Evidence { failures: Some(failures((1, 1, 0, 0))), others_fail: false };
        assert_eq!(attribute(&transient(), &once, 1), None, "one attempt is no evidence, whatever the limit");
    }
}
