//! The guard against a mass change: how much a listing may change before an operator has to allow it. Pure.

use postgres_store::ListingPlan;
use resync_process::usual_deletions;

use crate::arguments::GuardArguments;

/// Why nothing is sent. `None`: the changes are within the limits.
pub(crate) fn refusal(plan: &ListingPlan, proven: bool, allowed: GuardArguments) -> Option<String> {
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    let (stored, missing, changed) = (number(plan.stored), number(plan.missing), number(plan.changed));
    let deletions = allowed.allow_deletions.unwrap_or_else(|| usual_deletions(stored));
    let changes = allowed.allow_changes.unwrap_or_else(|| usual_changes(stored));
    let mut reasons = Vec::new();
    // Missing records count only if the listing proves them missing, since only then are they sent.
    if proven && missing > deletions {
        reasons.push(format!(
            "{missing} of the {stored} stored records are not listed, and the limit is {deletions}: they would be deleted and \
             unlinked. If they are really gone: --allow-deletions {missing}, and as much in COPPICE_RESYNC_MAX_DELETIONS of \
             the resync job"
        ));
    }
    if changed > changes {
        reasons.push(format!(
            "{changed} of the {stored} stored records are listed with another version, and the limit is {changes}. If they really \
             changed: --allow-changes {changed}"
        ));
    }
    let listed = plan.listed;
    (!reasons.is_empty()).then(|| {
        format!(
            "nothing was sent: of {listed} listed records\n  {}\nCheck that the settings name the right provider. --restart lists again",
            reasons.join("\n  ")
        )
    })
}

fn usual_changes(stored: u64) -> u64 {
    // A fifth of the stored records, or a thousand if that is more, needs no permission.
    (stored / 5).max(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: GuardArguments = GuardArguments { allow_deletions: None, allow_changes: None };

    fn plan(stored: i64, missing: i64, changed: i64) -> ListingPlan {
        ListingPlan { listed: stored - missing, new: 0, changed, missing, stored }
    }

    #[test]
    fn a_usual_number_passes_and_one_more_does_not() {
        for (stored, missing, changed, passes) in [
            (50, 50, 50, true),
            (10_000, 100, 1000, true),
            (10_000, 101, 0, false),
            (100_000, 500, 20_000, true),
            (100_000, 501, 0, false),
            (100_000, 0, 20_001, false),
        ] {
            let refused = refusal(&plan(stored, missing, changed), true, USUAL);
            assert_eq!(refused.is_none(), passes, "{stored} {missing} {changed}");
        }
    }

    #[test]
    fn the_refusal_names_the_numbers_and_the_flags_that_allow_them() {
        let text = refusal(&plan(10_000, 150, 3000), true, USUAL).unwrap();
        assert!(text.contains("150 of the 10000") && text.contains("--allow-deletions 150"), "{text}");
        assert!(text.contains("--allow-changes 3000"), "{text}");
        let allowed = GuardArguments { allow_deletions: Some(150), allow_changes: Some(3000) };
        assert_eq!(refusal(&plan(10_000, 150, 3000), true, allowed), None);
    }

    #[test]
    fn an_incomplete_listing_proves_no_deletion() {
        assert_eq!(refusal(&plan(10_000, 9000, 0), false, USUAL), None);
    }
}
