//! What the provider's and the store's errors mean for a message.

use postgres_store::StoreError;
use provider_http::ProviderError;
use worker_runtime::Failure;

/// What a provider's error means.
#[must_use]
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
#[must_use]
pub fn from_store(error: &StoreError) -> Failure {
    let detail = error.to_string();
    match error {
        StoreError::Refused { .. } => Failure::Permanent { class: "database_refused", detail },
        StoreError::Unavailable { .. } | StoreError::Url | StoreError::SchemaOlder { .. } => {
            Failure::Transient { class: "database", detail, retry_after: None }
        }
    }
}
