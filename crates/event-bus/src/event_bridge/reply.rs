//! What the reply to `PutEvents` says about each entry: the result at a position is that of the entry there.

use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
use aws_sdk_eventbridge::types::PutEventsResultEntry;

use crate::EntryError;

/// By <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>.
const REFUSALS: [&str; 7] = [
    "AccessDeniedException",
    "InvalidAccountIdException",
    "InvalidArgument",
    "MalformedDetail",
    "RedactionFailure",
    "NotAuthorizedForSourceException",
    "NotAuthorizedForDetailTypeException",
];

pub(super) fn results(count: usize, reply: &PutEventsOutput) -> Vec<Result<(), EntryError>> {
    let mut results: Vec<_> = reply.entries().iter().take(count).map(result).collect();
    let failed = results.iter().filter(|result| result.is_err()).count();
    // A count of failures that is higher than what the entries say leaves each of them in doubt.
    if usize::try_from(reply.failed_entry_count()).is_ok_and(|claimed| claimed > failed) {
        results
            .iter_mut()
            .filter(|result| result.is_ok())
            .for_each(|result| *result = unknown("FailedEntryCount"));
    }
    results.resize(count, unknown("MissingFromReply"));
    results
}

fn result(entry: &PutEventsResultEntry) -> Result<(), EntryError> {
    match (entry.error_code(), entry.event_id()) {
        (Some(code), _) if REFUSALS.contains(&code) => Err(EntryError::Refused { code: code.to_owned() }),
        // An unknown code is worth another try: an event that is sent twice is harmless, one that is given up is lost.
        (Some(code), _) => unknown(code),
        (None, None) => unknown("MissingFromReply"),
        (None, Some(_)) => Ok(()),
    }
}

fn unknown(code: &str) -> Result<(), EntryError> {
    Err(EntryError::Unavailable { code: code.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> PutEventsResultEntry {
        PutEventsResultEntry::builder().event_id("e").build()
    }

    fn failed(code: &str) -> PutEventsResultEntry {
        PutEventsResultEntry::builder().error_code(code).error_message("mara.quill@example.org").build()
    }

    fn reply(failed_entry_count: i32, entries: Vec<PutEventsResultEntry>) -> PutEventsOutput {
        PutEventsOutput::builder().failed_entry_count(failed_entry_count).set_entries(Some(entries)).build()
    }

    #[test]
    fn each_entry_has_its_own_result() {
        let entries =
            vec![accepted(), failed("ThrottlingException"), failed("MalformedDetail"), failed("New")];
        let results = results(4, &reply(3, entries));
        assert_eq!(results[0], Ok(()));
        assert_eq!(results[1], unknown("ThrottlingException"));
        assert_eq!(results[2], Err(EntryError::Refused { code: "MalformedDetail".to_owned() }));
        assert_eq!(results[3], unknown("New"));
    }

    #[test]
    fn an_entry_that_the_reply_forgets_has_failed() {
        let nameless = PutEventsResultEntry::builder().build();
        let results = results(3, &reply(0, vec![accepted(), nameless]));
        assert_eq!(results, [Ok(()), unknown("MissingFromReply"), unknown("MissingFromReply")]);
    }

    #[test]
    fn a_failure_that_no_entry_names_leaves_all_in_doubt() {
        let results = results(2, &reply(1, vec![accepted(), accepted()]));
        assert_eq!(results, [unknown("FailedEntryCount"), unknown("FailedEntryCount")]);
    }
}
