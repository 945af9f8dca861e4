//! What the provider's and the store's errors mean for a message.

use postgres_store::StoreError;
use provider_http::ProviderError;
use worker_runtime::Failure;

/// What a provider's error means.
pub fn from_provider(error: &ProviderError) -> Failure {
    let detail = error.to_string();
    match error {
        ProviderError::RateLimited { retry_after } => Failure::Limited { retry_after: *retry_after },
        ProviderError::Unavailable { cause, retry_after } => {
            Failure::Upstream { class: cause.as_str(), detail, retry_after: *retry_after }
        }
        // Credentials, permissions, the record, or a maintenance page: one answer does not show which.
        ProviderError::Unauthorized => rejected("unauthorized", detail),
        ProviderError::Invalid { .. } => rejected("provider_refused", detail),
        ProviderError::Refused { names_record, .. } => {
            Failure::Rejected { class: "provider_refused", detail, names_record: *names_record }
        }
        ProviderError::Malformed { .. }
        | ProviderError::Unreadable { .. }
        | ProviderError::Unusable { .. } => rejected("provider_malformed", detail),
        ProviderError::TooLarge { .. } => rejected("provider_too_large", detail),
    }
}

const fn rejected(class: &'static str, detail: String) -> Failure {
    Failure::Rejected { class, detail, names_record: false }
}

/// What the database's error means.
pub fn from_store(error: &StoreError) -> Failure {
    let detail = error.to_string();
    match error {
        // Its code says that the values of this row are wrong.
        StoreError::Refused { .. } => {
            Failure::Rejected { class: "database_refused", detail, names_record: true }
        }
        StoreError::Unavailable { .. } | StoreError::Url(_) | StoreError::SchemaOlder { .. } => {
            Failure::Ours { class: "database", detail }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use provider_http::Outage;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(17);

    #[test]
    fn a_provider_s_error_names_what_was_seen_and_not_who_is_at_fault() {
        let unavailable = |retry_after| ProviderError::Unavailable { cause: Outage::Timeout, retry_after };
        let upstream = |detail, retry_after| Failure::Upstream { class: "timeout", detail, retry_after };
        let table = [
            (ProviderError::Unauthorized, rejected("unauthorized", String::new())),
            (ProviderError::Invalid { status: 400 }, rejected("provider_refused", String::new())),
            (
                ProviderError::Refused { code: "INVALID_FIELD", names_record: false },
                rejected("provider_refused", String::new()),
            ),
            (ProviderError::Malformed { line: 1, column: 2 }, rejected("provider_malformed", String::new())),
            (ProviderError::Unreadable { field: "id" }, rejected("provider_malformed", String::new())),
            (ProviderError::REDIRECT, rejected("provider_malformed", String::new())),
            (
                ProviderError::TooLarge { limit_bytes: 7, setting: "MOST" },
                rejected("provider_too_large", String::new()),
            ),
            (unavailable(None), upstream(String::new(), None)),
            (unavailable(Some(PAUSE)), upstream(String::new(), Some(PAUSE))),
            (ProviderError::RateLimited { retry_after: PAUSE }, Failure::Limited { retry_after: PAUSE }),
        ];
        for (error, mut expected) in table {
            if let Failure::Upstream { detail, .. } | Failure::Rejected { detail, .. } = &mut expected {
                *detail = error.to_string();
            }
            assert_eq!(from_provider(&error), expected);
        }
    }

    #[test]
    fn only_data_that_the_database_refuses_is_charged_to_a_record() {
        let code = || String::from("23514");
        let refused =
            from_store(&StoreError::Refused { code: code(), constraint: String::from("person_email") });
        let Failure::Rejected { class: "database_refused", detail, names_record: true } = refused else {
            panic!("{refused:?}")
        };
        assert!(detail.contains("23514 person_email"), "{detail}");
        let schema = StoreError::SchemaOlder { applied: 1, needed: 2 };
        for error in [StoreError::Unavailable { code: code() }, StoreError::Url(code()), schema] {
            let detail = error.to_string();
            assert_eq!(from_store(&error), Failure::Ours { class: "database", detail });
        }
    }
}
