//! Salesforce's error codes, which say more than the status:
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm>,
//! <https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm>.

use std::time::Duration;

use provider_http::json::Json;
use provider_http::{Outage, ProviderError};

use super::record::EXTERNAL_KEY;

const QUOTA_PAUSE: Duration = Duration::from_secs(15 * 60);
const CONCURRENCY_PAUSE: Duration = Duration::from_secs(30);

/// Codes that name the content of the written record.
const OF_RECORD: [&str; 14] = [
    "DUPLICATES_DETECTED",
    "DUPLICATE_EXTERNAL_ID",
    "DUPLICATE_VALUE",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "FIELD_FILTER_VALIDATION_EXCEPTION",
    "FIELD_INTEGRITY_EXCEPTION",
    "INVALID_EMAIL_ADDRESS",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "INVALID_PHONE_NUMBER",
    "MALFORMED_ID",
    "NUMBER_OUTSIDE_VALID_RANGE",
    "REQUIRED_FIELD_MISSING",
    "STRING_TOO_LONG",
    "TRANSFER_REQUIRES_READ",
];

/// Codes of our set-up and permissions, of triggers and flows, and of requests that the API does not know.
const OF_SETUP: [&str; 15] = [
    "API_DISABLED_FOR_ORG",
    "CANNOT_EXECUTE_FLOW_TRIGGER",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "FUNCTIONALITY_NOT_ENABLED",
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALID_CROSS_REFERENCE_KEY",
    "INVALID_FIELD",
    "INVALID_FIELD_FOR_INSERT_UPDATE",
    "INVALID_TYPE",
    "MALFORMED_QUERY",
    "NOT_FOUND",
    "STORAGE_LIMIT_EXCEEDED",
    "TXN_SECURITY_METERING_ERROR",
];

/// Reads the body of an error reply. `None`: the status says everything.
pub(crate) fn read_error(_status: u16, body: &[u8]) -> Option<ProviderError> {
    let errors: Json = serde_json::from_slice(body).ok()?;
    let error =
        errors.items().iter().find(|error| error.at("errorCode").text().is_ok_and(|it| it.is_some()))?;
    let text = |name| error.at(name).text().ok().flatten();
    listed(&text("errorCode")?, text("message").as_deref())
}

fn listed(code: &str, message: Option<&str>) -> Option<ProviderError> {
    if code == "REQUEST_LIMIT_EXCEEDED" {
        // Requests of the used-up quota become available one by one, as old ones leave the window of 24 hours. The limit of
        // long requests at once has the same code, and ends as soon as some of them end.
        let concurrent = message.is_some_and(|message| message.starts_with("Concurrent"));
        let retry_after = if concurrent { CONCURRENCY_PAUSE } else { QUOTA_PAUSE };
        return Some(ProviderError::RateLimited { retry_after });
    }
    // A trigger or a flow passes the cause on in its message.
    if PASSING.contains(&code) || PASSING.iter().any(|passing| says(message, passing)) {
        return Some(BUSY);
    }
    let inner = message.filter(|_| WRAPPING.contains(&code)).and_then(inner_code);
    inner.and_then(refused).or_else(|| refused(code))
}

/// Codes of a fault that passes.
const PASSING: [&str; 3] = ["QUERY_TIMEOUT", "SERVER_UNAVAILABLE", "UNABLE_TO_LOCK_ROW"];

/// Codes that say only where something failed: in a trigger, or in a flow.
const WRAPPING: [&str; 2] = ["CANNOT_EXECUTE_FLOW_TRIGGER", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"];

/// The innermost code in the message of a trigger: `… first error: STRING_TOO_LONG, …`.
fn inner_code(message: &str) -> Option<&str> {
    let (_, inner) = message.rsplit_once("first error: ")?;
    inner.split(|it: char| !is_of_word(it)).next()
}

fn refused(code: &str) -> Option<ProviderError> {
    let of = |codes: &'static [&'static str], names_record| {
        let code = codes.iter().copied().find(|listed| *listed == code)?;
        Some(ProviderError::Refused { code, names_record })
    };
    of(&OF_RECORD, true).or_else(|| of(&OF_SETUP, false))
}

/// True if the message has this word. Messages come in the language of our user, but API names are in each of them.
fn says(message: Option<&str>, word: &str) -> bool {
    message.is_some_and(|message| message.split(|it: char| !is_of_word(it)).any(|it| it == word))
}

const fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

pub(crate) const BUSY: ProviderError =
    ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

/// What the result of one written record means. `None`: the contact with the given ID does not exist.
pub(crate) fn write_error(code: &str, message: Option<&str>, fields: &[String]) -> Option<ProviderError> {
    match code {
        "ENTITY_IS_DELETED" => None,
        // The same code refuses a record type, an owner or an account.
        "INVALID_CROSS_REFERENCE_KEY"
            if message.is_some_and(|message| message.contains("invalid cross reference id")) =>
        {
            None
        }
        // Another writer has just created a contact with the same key. The next try finds it. A duplicate of any other field
        // stays one.
        "DUPLICATE_VALUE" if says(message, EXTERNAL_KEY) || fields == [EXTERNAL_KEY] => Some(BUSY),
        _ => Some(listed(code, message).unwrap_or(ProviderError::Invalid { status: 400 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_codes_are_read_from_a_body() {
        let refused = |code, names_record| Some(ProviderError::Refused { code, names_record });
        let limited = |secs| Some(ProviderError::RateLimited { retry_after: Duration::from_secs(secs) });
        let cases = [
            (
                r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"TotalRequests Limit exceeded."}]"#,
                limited(900),
            ),
            (
                r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED","message":"ConcurrentPerOrgLongTxn Limit exceeded."}]"#,
                limited(30),
            ),
            (r#"[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#, limited(900)),
            (r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"","fields":[]}]"#, Some(BUSY)),
            (r#"[{"errorCode":"INSUFFICIENT_ACCESS"}]"#, refused("INSUFFICIENT_ACCESS", false)),
            (
                r#"[{"errorCode":"INVALID_FIELD","message":"No such column"}]"#,
                refused("INVALID_FIELD", false),
            ),
            (r#"[{"errorCode":"DUPLICATES_DETECTED"}]"#, refused("DUPLICATES_DETECTED", true)),
            (
                r#"[{"errorCode":"STRING_TOO_LONG","message":"LastName: data value too large: MY_UNABLE_TO_LOCK_ROW_X"}]"#,
                refused("STRING_TOO_LONG", true),
            ),
            (r#"[{"errorCode":"orla@example.org"}]"#, None),
            ("[]", None),
            // One odd value costs no other.
            (r#"{"errorCode":"REQUEST_LIMIT_EXCEEDED"}"#, limited(900)),
            (
                r#"[7,{"errorCode":"INVALID_FIELD","message":{"x":1},"fields":7}]"#,
                refused("INVALID_FIELD", false),
            ),
            (
                r#"[{"ERRORCODE":"INVALID_FIELD","errorCode":"INVALID_FIELD"}]"#,
                refused("INVALID_FIELD", false),
            ),
            (r#"[{"errorCode":"INVALID_FIELD","errorcode":"INVALID_TYPE"}]"#, None),
            ("<html>", None),
        ];
        for (body, expected) in cases {
            assert_eq!(read_error(403, body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn the_inner_cause_of_a_trigger_s_error_decides() {
        let refused = |code, names_record| Some(ProviderError::Refused { code, names_record });
        let trigger = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY";
        let caused_by = |inner: &str| {
            format!(
                "orch.ContactTrigger: execution of AfterUpdate caused by: System.DmlException: Update failed. First exception on row 0 \
                 with id 0019x00000SimAcctAAG; first error: {inner}: []"
            )
        };
        let nested = caused_by(&caused_by("UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"));
        for (message, expected) in [
            (caused_by("UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record"), Some(BUSY)),
            (nested, Some(BUSY)),
            (caused_by("QUERY_TIMEOUT, Your query request was running for too long."), Some(BUSY)),
            (caused_by("STRING_TOO_LONG, Title: data value too large"), refused("STRING_TOO_LONG", true)),
            (
                caused_by("INSUFFICIENT_ACCESS_OR_READONLY, insufficient access rights"),
                refused("INSUFFICIENT_ACCESS_OR_READONLY", false),
            ),
            // Not our key of this contact: the next try meets it again.
            (
                caused_by("DUPLICATE_VALUE, duplicate value found: Person_Key__c duplicates value on record"),
                refused("DUPLICATE_VALUE", true),
            ),
            (caused_by("mara@example.org"), refused(trigger, false)),
            (String::from("System.LimitException: Too many SOQL queries: 101"), refused(trigger, false)),
        ] {
            assert_eq!(write_error(trigger, Some(&message), &[]), expected, "{message}");
        }
        let flow =
            Some("We can't save this record because the flow failed: UNABLE_TO_LOCK_ROW: unable to obtain");
        assert_eq!(write_error("CANNOT_EXECUTE_FLOW_TRIGGER", flow, &[]), Some(BUSY));
    }

    #[test]
    fn only_a_duplicate_of_our_key_passes() {
        let duplicate = |message: &str, fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            write_error("DUPLICATE_VALUE", Some(message), &fields)
        };
        let of = |field: &str| {
            format!("duplicate value found: {field} duplicates value on record with id: 0039x0000000007AAA")
        };
        assert_eq!(duplicate(&of("Person_Key__c"), &[]), Some(BUSY));
        assert_eq!(duplicate("doppelter Wert gefunden: Person_Key__c dupliziert Wert", &[]), Some(BUSY));
        assert_eq!(duplicate("", &["Person_Key__c"]), Some(BUSY));
        let stays = Some(ProviderError::Refused { code: "DUPLICATE_VALUE", names_record: true });
        for field in ["Member_No__c", "Old_Person_Key__c", "Person_Key__c2", "<unknown>"] {
            assert_eq!(duplicate(&of(field), &[]), stays, "{field}");
        }
        assert_eq!(duplicate(&of("Member_No__c"), &["Member_No__c"]), stays);
        let rule = write_error("DUPLICATES_DETECTED", Some("Use one of these records?"), &[]);
        assert_eq!(rule, Some(ProviderError::Refused { code: "DUPLICATES_DETECTED", names_record: true }));
    }
}
