//! Which entry of a batch reply is whose, and what its error means.

use aws_sdk_sqs::types::BatchResultErrorEntry;

use super::over_batch_limit;
use crate::{EntryError, Operation, QueueError};

pub(super) fn needs_no_call(operation: Operation, entries: usize) -> Result<bool, QueueError> {
    // SQS refuses an empty batch, and one that is too large.
    over_batch_limit(operation, entries)?;
    Ok(entries == 0)
}

pub(super) fn results<'a>(
    count: usize,
    succeeded: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<Result<(), EntryError>> {
    // An entry that the reply does not mention has failed.
    let mut results = vec![Err(EntryError::Unavailable { code: "MissingFromReply".to_owned() }); count];
    let succeeded = succeeded.map(|id| (id, Ok(())));
    let failed = failed.iter().map(|entry| (entry.id(), Err(meaning(entry))));
    for (id, result) in succeeded.chain(failed) {
        if let Some(slot) = id.parse::<usize>().ok().and_then(|position| results.get_mut(position)) {
            *slot = result;
        }
    }
    results
}

fn meaning(entry: &BatchResultErrorEntry) -> EntryError {
    let code = entry.code().to_owned();
    if is_receipt_lost(entry) {
        EntryError::ReceiptLost
    } else if entry.sender_fault() {
        EntryError::Refused { code }
    } else {
        EntryError::Unavailable { code }
    }
}

fn is_receipt_lost(entry: &BatchResultErrorEntry) -> bool {
    let code = entry.code();
    // The old protocol puts a prefix before some codes.
    match code.strip_prefix("AWS.SimpleQueueService.").unwrap_or(code) {
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => true,
        "InvalidParameterValue" => {
            // One code for many reasons. The receipt's own: "The receipt handle has expired" and "Message does not exist or is
            // not available for visibility timeout change".
            let reason = entry.message().unwrap_or_default();
            reason.contains("expired") || reason.contains("does not exist")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(id: &str, code: &str, message: &str, sender_fault: bool) -> BatchResultErrorEntry {
        let entry =
            BatchResultErrorEntry::builder().id(id).code(code).message(message).sender_fault(sender_fault);
        entry.build().unwrap()
    }

    #[test]
    fn every_code_has_one_meaning() {
        let expired =
            "Value AQEB for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.";
        let gone = "Value AQEB for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
                    available for visibility timeout change.";
        let too_long = "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for \
                        the message is beyond the limit [43200 seconds].";
        let refused = |code: &str| EntryError::Refused { code: code.to_owned() };
        let unavailable = |code: &str| EntryError::Unavailable { code: code.to_owned() };
        for (code, message, sender_fault, expected) in [
            ("ReceiptHandleIsInvalid", "", true, EntryError::ReceiptLost),
            ("MessageNotInflight", "", true, EntryError::ReceiptLost),
            ("AWS.SimpleQueueService.MessageNotInflight", "", true, EntryError::ReceiptLost),
            ("InvalidParameterValue", expired, true, EntryError::ReceiptLost),
            ("InvalidParameterValue", gone, true, EntryError::ReceiptLost),
            ("InvalidParameterValue", too_long, true, refused("InvalidParameterValue")),
            ("InvalidMessageContents", "", true, refused("InvalidMessageContents")),
            ("InternalError", "", false, unavailable("InternalError")),
        ] {
            assert_eq!(meaning(&failed("0", code, message, sender_fault)), expected, "{code}: {message}");
        }
    }

    #[test]
    fn an_entry_that_the_reply_forgets_has_failed_and_a_foreign_one_is_ignored() {
        let failures =
            [failed("2", "ReceiptHandleIsInvalid", "", true), failed("7", "InternalError", "", false)];
        let results = results(3, ["0", "x"].into_iter(), &failures);
        assert_eq!(results[0], Ok(()));
        assert_eq!(results[1], Err(EntryError::Unavailable { code: "MissingFromReply".to_owned() }));
        assert_eq!(results[2], Err(EntryError::ReceiptLost));
    }

    #[test]
    fn an_entry_in_both_lists_has_failed() {
        let failures = [failed("0", "InternalError", "", false)];
        assert!(results(1, ["0"].into_iter(), &failures)[0].is_err());
    }
}
