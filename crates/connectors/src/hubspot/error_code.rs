//! HubSpot's errors, which say more than the status: <https://developers.hubspot.com/docs/api-reference/error-handling>.
//!
//! An error has a category and, if a value is at fault, rows with a property and a code. The rows are JSON inside the message, or a
//! list beside it. Messages quote values. So codes are compared with lists, properties with those that were sent, and no text is repeated.

use std::collections::BTreeMap;
use std::time::Duration;

use provider_http::json::Json;
use provider_http::{Outage, ProviderError};

use super::numeric_id::numeric_id;

/// The day of the account ends at midnight in its own time zone, which the reply does not say.
const DAY_PAUSE: Duration = Duration::from_secs(15 * 60);
const TEN_SECONDS: Duration = Duration::from_secs(10);
/// <https://developers.hubspot.com/docs/api-reference/error-handling>, status 423.
const LOCK_PAUSE: Duration = Duration::from_secs(2);

/// The code of an address that another contact has.
pub(crate) const CONFLICT: &str = "CONFLICT";
/// The code of a value that has to be unique, and that another contact has.
pub(crate) const NOT_UNIQUE: &str = "CONFLICTING_UNIQUE_VALUE";
const OTHER_VALUE: &str = "VALIDATION_ERROR";
const NOT_FOUND: &str = "OBJECT_NOT_FOUND";

/// Codes of our set-up and of requests that the API does not know.
const OF_SETUP: [&str; 5] =
    ["INVALID_AUTHENTICATION", "MISSING_SCOPES", NOT_FOUND, "PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"];

/// Codes of a record that lacks a value.
const OF_RECORD: [&str; 3] =
    ["MISSING_CONDITIONAL_REQUIRED_PROPERTY", "MISSING_REQUIRED_PROPERTY", "REQUIRED_FIELD"];

/// Codes of a value. HubSpot publishes no full list. Another code is the last one.
const OF_VALUE: [&str; 8] = [
    NOT_UNIQUE,
    "INVALID_ALPHA",
    "INVALID_DATE",
    "INVALID_EMAIL",
    "INVALID_NUMERIC",
    "INVALID_OPTION",
    "INVALID_PHONE_NUMBER",
    OTHER_VALUE,
];

/// The values that were sent, by property.
pub(crate) type Sent<'a> = BTreeMap<&'a str, &'a str>;

/// An error of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The error.
    pub(crate) error: ProviderError,
    /// The property that the error is about, if it is about nothing else: one of those that were sent.
    pub(crate) property: Option<String>,
}

impl From<ProviderError> for Failed {
    fn from(error: ProviderError) -> Self {
        Self { error, property: None }
    }
}

/// Where another writer, or a synchronization, is at work.
pub(crate) const BUSY: ProviderError =
    ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };

/// Reads the body of an error reply. `None`: the status says everything.
pub(crate) fn read_error(status: u16, body: &[u8]) -> Option<ProviderError> {
    read_write_error(status, body, &Sent::new()).map(|failed| failed.error)
}

/// As [`read_error`], of a write that sent these values.
pub(crate) fn read_write_error(status: u16, body: &[u8], sent: &Sent<'_>) -> Option<Failed> {
    let body = serde_json::from_slice::<Json>(body).ok();
    match status {
        400 | 409 => refused(&body?, sent),
        _ => of_status(status, body.as_ref()).map(Failed::from),
    }
}

fn of_status(status: u16, body: Option<&Json>) -> Option<ProviderError> {
    match status {
        423 => Some(ProviderError::Unavailable { cause: Outage::ServerError, retry_after: Some(LOCK_PAUSE) }),
        429 => match body?.at("policyName").text().ok().flatten()?.as_str() {
            "DAILY" => Some(ProviderError::RateLimited { retry_after: DAY_PAUSE }),
            policy if policy.starts_with("TEN_SECONDLY") => {
                Some(ProviderError::RateLimited { retry_after: TEN_SECONDS })
            }
            // The limit of searches is one of a second, and says no more.
            _ => None,
        },
        // The account is being moved to another region. It answers within a day.
        477 => Some(ProviderError::RateLimited { retry_after: DAY_PAUSE }),
        _ => None,
    }
}

/// The error of one record of a batch.
pub(crate) fn entry_error(error: &Json, sent: &Sent<'_>) -> Failed {
    refused(error, sent).unwrap_or_else(|| ProviderError::Invalid { status: 400 }.into())
}

/// The contacts that an error of a batch says are not there. `None`: it is another error.
pub(crate) fn missing_ids(error: &Json) -> Option<Vec<String>> {
    let category = error.at("category").text().ok().flatten();
    let ids = || error.at("context").at("ids").list().ok().flatten().unwrap_or_default();
    let id = |id: &Json| match id {
        Json::Text(id) => numeric_id(id),
        Json::Number(id) => numeric_id(&id.to_string()),
        _ => None,
    };
    (category.as_deref() == Some(NOT_FOUND)).then(|| ids().iter().filter_map(id).collect())
}

fn refused(error: &Json, sent: &Sent<'_>) -> Option<Failed> {
    let rows: Vec<Failed> = rows(error).iter().map(|row| row.meaning(sent)).collect();
    // A row that is about none of our values stays, whatever we leave out.
    let other = rows.iter().find(|row| row.property.is_none());
    other.or(rows.first()).cloned().or_else(|| of_category(error).map(Failed::from))
}

fn of_category(error: &Json) -> Option<ProviderError> {
    let category = error.at("category").text().ok().flatten()?;
    let code = OF_SETUP.into_iter().chain([CONFLICT, OTHER_VALUE]).find(|listed| **listed == category)?;
    Some(ProviderError::Refused { code, names_record: code == CONFLICT })
}

/// One property that is at fault.
struct Row {
    property: Option<String>,
    code: Option<String>,
}

impl Row {
    fn meaning(&self, sent: &Sent<'_>) -> Failed {
        let code = self.code.as_deref().unwrap_or_default();
        let listed = |codes: &'static [&'static str]| codes.iter().copied().find(|listed| *listed == code);
        if let Some(code) = listed(&OF_SETUP) {
            return ProviderError::Refused { code, names_record: false }.into();
        }
        if let Some(code) = listed(&OF_RECORD) {
            return ProviderError::Refused { code, names_record: true }.into();
        }
        let code = listed(&OF_VALUE).unwrap_or(OTHER_VALUE);
        let property = self.property.clone().filter(|property| sent.contains_key(property.as_str()));
        Failed { error: ProviderError::Refused { code, names_record: true }, property }
    }
}

fn rows(error: &Json) -> Vec<Row> {
    let text = |field: Result<Option<String>, _>| field.ok().flatten();
    let in_message = |error: &Json| -> Vec<Row> {
        let message = text(error.at("message").text()).unwrap_or_default();
        // `Property values were not valid: [{"isValid":false,"message":"…","error":"INVALID_EMAIL","name":"email"}]`
        let json = message.find('[').map(|start| &message[start..]).unwrap_or_default();
        let list = serde_json::Deserializer::from_str(json).into_iter::<Json>().next().and_then(Result::ok);
        let row = |row: &Json| {
            let code = text(row.at("error").text())?;
            Some(Row { property: text(row.at("name").text()), code: Some(code) })
        };
        list.iter().flat_map(Json::items).filter_map(row).collect()
    };
    let rows = in_message(error);
    if !rows.is_empty() {
        return rows;
    }
    let beside = error.at("errors").list().ok().flatten().unwrap_or_default();
    let row = |error: &Json| {
        let rows = in_message(error);
        if !rows.is_empty() {
            return rows;
        }
        let property = text(error.at("context").at("propertyName").text());
        let property = property.or_else(|| text(error.at("in").text()));
        text(error.at("code").text()).map(|code| Row { property, code: Some(code) }).into_iter().collect()
    };
    beside.iter().flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn whole(code: &'static str, names_record: bool) -> Option<Failed> {
        Some(Failed { error: ProviderError::Refused { code, names_record }, property: None })
    }

    fn of(property: &str, code: &'static str) -> Option<Failed> {
        let error = ProviderError::Refused { code, names_record: true };
        Some(Failed { error, property: Some(property.to_owned()) })
    }

    fn read(status: u16, body: &str) -> Option<Failed> {
        let sent = ["email", "firstname", "lastname", "phone", "date_of_birth", "preferred_language"]
            .map(|it| (it, ""));
        read_write_error(status, body.as_bytes(), &Sent::from(sent))
    }

    fn in_message(rows: &str) -> String {
        let message = format!("Property values were not valid: {rows}");
        serde_json::json!({"status": "error", "message": message, "category": "VALIDATION_ERROR"}).to_string()
    }

    #[test]
    fn the_property_at_fault_is_found_in_the_message_and_no_text_is_repeated() {
        let email = r#"{"isValid":false,"message":"Email address mara@ is invalid","error":"INVALID_EMAIL","name":"email"}"#;
        let name = r#"{"isValid":false,"message":"mara: enter no digits","error":"INVALID_ALPHA","name":"firstname"}"#;
        let unlisted = r#"{"isValid":false,"message":"[mara]","error":"MARA_OSTRANDER","name":"phone"}"#;
        let cases = [
            (format!("[{email}]"), of("email", "INVALID_EMAIL")),
            (format!("[{name},{email}] (mara)"), of("firstname", "INVALID_ALPHA")),
            (format!("[{unlisted}]"), of("phone", "VALIDATION_ERROR")),
            (
                r#"[{"error":"INVALID_OPTION","name":"preferred_language"}]"#.into(),
                of("preferred_language", "INVALID_OPTION"),
            ),
            // Of a property that we did not send, or of one that is not named.
            (
                format!(r#"[{email},{{"error":"INVALID_OPTION","name":"lifecyclestage"}}]"#),
                whole("INVALID_OPTION", true),
            ),
            (
                r#"[{"error":"INVALID_OPTION","message":"mara was not one of [a, b]"}]"#.into(),
                whole("INVALID_OPTION", true),
            ),
            (
                format!(r#"[{email},{{"error":"PROPERTY_DOESNT_EXIST","name":"coppice_person_key"}}]"#),
                whole("PROPERTY_DOESNT_EXIST", false),
            ),
            (
                r#"[{"error":"CONFLICTING_UNIQUE_VALUE","name":"coppice_person_key"}]"#.into(),
                whole("CONFLICTING_UNIQUE_VALUE", true),
            ),
            (
                r#"[{"error":"MISSING_REQUIRED_PROPERTY","name":"lastname"}]"#.into(),
                whole("MISSING_REQUIRED_PROPERTY", true),
            ),
            ("mara@example.org".into(), whole("VALIDATION_ERROR", false)),
            ("[mara".into(), whole("VALIDATION_ERROR", false)),
        ];
        for (rows, expected) in cases {
            assert_eq!(read(400, &in_message(&rows)), expected, "{rows}");
        }
    }

    #[test]
    fn rows_beside_the_message_are_read_too() {
        let beside =
            |errors: &str| format!(r#"{{"message":"mara","category":"VALIDATION_ERROR","errors":{errors}}}"#);
        for (errors, expected) in [
            (
                r#"[{"code":"INVALID_EMAIL","context":{"propertyName":["email"]}}]"#,
                of("email", "INVALID_EMAIL"),
            ),
            (r#"[{"code":"INVALID_DATE","in":"date_of_birth"}]"#, of("date_of_birth", "INVALID_DATE")),
            (
                r#"[{"message":"Property values were not valid: [{\"error\":\"INVALID_ALPHA\",\"name\":\"lastname\"}]"}]"#,
                of("lastname", "INVALID_ALPHA"),
            ),
            (
                r#"[{"code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["x"]}}]"#,
                whole("PROPERTY_DOESNT_EXIST", false),
            ),
            ("7", whole("VALIDATION_ERROR", false)),
            (r#"[{"message":"mara"}]"#, whole("VALIDATION_ERROR", false)),
        ] {
            assert_eq!(read(400, &beside(errors)), expected, "{errors}");
        }
        let body = beside(r#"[{"code":"INVALID_EMAIL","in":"email"}]"#);
        let nothing_sent = read_write_error(400, body.as_bytes(), &Sent::new());
        assert_eq!(nothing_sent, whole("INVALID_EMAIL", true), "a read sends no value");
    }

    #[test]
    fn a_category_is_repeated_only_if_it_is_listed() {
        for (body, expected) in [
            (
                r#"{"category":"CONFLICT","message":"Contact already exists. Existing ID: 7"}"#,
                whole("CONFLICT", true),
            ),
            (r#"{"category":"mara@example.org"}"#, None),
            (r#"{"category":7}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            assert_eq!(read(409, body), expected, "{body}");
        }
    }

    #[test]
    fn a_limit_s_policy_says_how_long_to_wait() {
        let limited = |secs| Some(ProviderError::RateLimited { retry_after: Duration::from_secs(secs) });
        let policy = |policy: &str| read_error(429, format!(r#"{{"policyName":{policy}}}"#).as_bytes());
        assert_eq!(policy(r#""DAILY""#), limited(900));
        assert_eq!(policy(r#""TEN_SECONDLY_ROLLING""#), limited(10));
        for other in [r#""SECONDLY""#, "7", "null"] {
            assert_eq!(policy(other), None, "{other}");
        }
        assert_eq!(read_error(429, b""), None);
        assert_eq!(read_error(477, b""), limited(900));
        let locked = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: Some(LOCK_PAUSE) };
        assert_eq!(read_error(423, b"<html>"), Some(locked));
        assert_eq!(read_error(403, br#"{"category":"MISSING_SCOPES"}"#), None);
    }

    #[test]
    fn only_an_error_about_missing_records_names_missing_records() {
        let read = |text: &str| missing_ids(&serde_json::from_str(text).unwrap());
        let ids = r#"{"category":"OBJECT_NOT_FOUND","context":{"ids":["7002",7003,"mara"]}}"#;
        assert_eq!(read(ids), Some(vec!["7002".to_owned(), "7003".to_owned()]));
        assert_eq!(read(r#"{"category":"OBJECT_NOT_FOUND"}"#), Some(vec![]));
        for other in [r#"{"category":"VALIDATION_ERROR","context":{"ids":["7002"]}}"#, "{}", "7"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
