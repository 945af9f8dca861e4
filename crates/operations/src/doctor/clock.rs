//! Whether clocks agree: AWS refuses signatures, and webhook-ingress webhooks, of another time than their own.

use postgres_store::Store;
use time::{Duration, OffsetDateTime};

use super::aws::Aws;
use super::finding::Findings;

const CHECK: &str = "clock";

/// Webhooks are refused at five minutes; a clock that is half a minute off is on its way there.
const MOST: Duration = Duration::seconds(30);

/// Compares AWS's clock and the database's with ours.
pub(crate) async fn check(aws: &Aws, store: Option<&Store>, findings: &mut Findings) {
    match aws.clock_ahead() {
        Some(ahead) => judge("AWS", ahead, findings),
        None => findings.skipped(CHECK, "AWS", "it has answered no date"),
    }
    let Some(store) = store else {
        return findings.skipped(CHECK, "database", "the database has to answer first");
    };
    let asked = OffsetDateTime::now_utc();
    match store.server_time().await {
        // Half of the way there and back.
        Ok(theirs) => judge("database", theirs - (asked + (OffsetDateTime::now_utc() - asked) / 2), findings),
        Err(error) => findings.skipped(CHECK, "database", error.to_string()),
    }
}

fn judge(whose: &str, ahead: Duration, findings: &mut Findings) {
    let apart = ahead.unsigned_abs().as_secs();
    if ahead.abs() <= MOST {
        return findings.ok(CHECK, whose, format!("{apart} s from ours"));
    }
    let way = if ahead.is_positive() { "ahead of" } else { "behind" };
    let fix = "let chrony or the cloud's time service set the node's clock; if the node is right, the database server's";
    findings.fault(CHECK, whose, format!("it is {apart} s {way} ours"), fix);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_half_a_minute_apart() {
        for (secs, problem) in [
            (0, None),
            (30, None),
            (-30, None),
            (31, Some("31 s ahead of ours")),
            (-90, Some("90 s behind ours")),
        ] {
            let mut findings = Findings::default();
            judge("AWS", Duration::seconds(secs), &mut findings);
            assert_eq!(findings.problems().len(), usize::from(problem.is_some()), "{secs}");
            assert!(findings.problems().concat().contains(problem.unwrap_or_default()), "{secs}");
        }
    }
}
