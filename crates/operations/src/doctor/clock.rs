//! Checks that clocks agree: AWS refuses signatures, and webhook-ingress refuses webhooks, whose time differs too much.

use postgres_store::Store;
use time::{Duration, OffsetDateTime};

use super::aws::Aws;
use super::finding::Findings;

const CHECK: &str = "clock";

const MAX_DIFFERENCE: Duration = Duration::seconds(30);

pub(crate) async fn check(aws: &Aws, store: Option<&Store>, findings: &mut Findings) {
    match aws.clock_ahead() {
        Some(ahead) => judge("AWS", ahead, findings),
        None => findings.skipped(CHECK, "AWS", "not checked: AWS has sent no reply with a date"),
    }
    let Some(store) = store else {
        return findings.skipped(CHECK, "database", "not checked: the database does not answer");
    };
    let asked = OffsetDateTime::now_utc();
    match store.server_time().await {
        // The server read its clock half a round trip after we asked.
        Ok(theirs) => judge("database", theirs - (asked + (OffsetDateTime::now_utc() - asked) / 2), findings),
        Err(error) => findings.skipped(CHECK, "database", error.to_string()),
    }
}

fn judge(whose: &str, ahead: Duration, findings: &mut Findings) {
    let apart = ahead.unsigned_abs().as_secs();
    // Webhooks are refused at five minutes. A clock that is half a minute off drifts, and will get there.
    if ahead.abs() <= MAX_DIFFERENCE {
        return findings.ok(CHECK, whose, format!("{apart} s from ours"));
    }
    let way = if ahead.is_positive() { "ahead of" } else { "behind" };
    let fix = "set the node's clock with chrony or the cloud's time service; if the node is right, set the database server's";
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
