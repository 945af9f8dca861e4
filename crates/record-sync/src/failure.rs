//! What the provider's and the store's errors mean for a message.

use postgres_store::StoreError;
use provider_http::ProviderError;
use worker_runtime::Failure;

/// What a provider's error means.
pub fn from_provider(error: &ProviderError) -> Failure {
    let detail = error.to_string();
    let upstream = |class, retry_after, permanent_if_healthy| Failure::Upstream {
        class,
        detail: detail.clone(),
        retry_after,
        permanent_if_healthy,
    };
    match error {
        // Never the message's fault, and an operator must act: the breaker opens, and its alarm fires.
        ProviderError::Unauthorized => upstream("unauthorized", None, false),
        ProviderError::RateLimited { retry_after } => Failure::Limited { retry_after: *retry_after },
        ProviderError::Unavailable { cause, retry_after } => upstream(cause.as_str(), *retry_after, false),
        ProviderError::Invalid { .. } => Failure::Permanent { class: "provider_refused", detail },
        // A maintenance page looks like this too. The record is the cause only if the provider answers a probe.
        ProviderError::Malformed { .. } => upstream("provider_malformed", None, true),
    }
}

/// What the database's error means.
pub fn from_store(error: &StoreError) -> Failure {
    let detail = error.to_string();
    match error {
        StoreError::Refused { .. } => Failure::Permanent { class: "database_refused", detail },
        StoreError::Unavailable { .. } | StoreError::Url | StoreError::SchemaOlder { .. } => {
            Failure::Transient { class: "database", detail, retry_after: None }
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
    fn an_error_that_the_provider_may_have_caused_is_probed() {
        let unavailable = |retry_after| ProviderError::Unavailable { cause: Outage::Timeout, retry_after };
        // (error) → class, when to try again, and whether the message can never succeed if the provider is well
        let table = [
            (ProviderError::Unauthorized, "unauthorized", None, false),
            (unavailable(None), "timeout", None, false),
            (unavailable(Some(PAUSE)), "timeout", Some(PAUSE), false),
            (ProviderError::Malformed { line: 1, column: 2 }, "provider_malformed", None, true),
        ];
        for (error, class, retry_after, permanent_if_healthy) in table {
            let detail = error.to_string();
            let expected = Failure::Upstream { class, detail, retry_after, permanent_if_healthy };
            assert_eq!(from_provider(&error), expected);
        }
    }

    #[test]
    fn a_rate_limit_pauses_the_fleet_and_a_refused_request_is_never_sent_again() {
        let limited = ProviderError::RateLimited { retry_after: PAUSE };
        assert_eq!(from_provider(&limited), Failure::Limited { retry_after: PAUSE });
        let refused = from_provider(&ProviderError::Invalid { status: 400 });
        assert!(matches!(refused, Failure::Permanent { class: "provider_refused", .. }), "{refused:?}");
    }

    #[test]
    fn only_data_that_the_database_refuses_is_a_permanent_failure() {
        let code = || String::from("23514");
        let refused =
            from_store(&StoreError::Refused { code: code(), constraint: String::from("person_email") });
        let Failure::Permanent { class: "database_refused", detail } = refused else { panic!("{refused:?}") };
        assert!(detail.contains("23514 person_email"), "{detail}");
        let schema = StoreError::SchemaOlder { applied: 1, needed: 2 };
        for error in [StoreError::Unavailable { code: code() }, StoreError::Url, schema] {
            let failure = from_store(&error);
            let Failure::Transient { class: "database", detail, retry_after: None } = failure else {
                panic!("{failure:?}")
            };
            assert_eq!(detail, error.to_string());
        }
    }
}
