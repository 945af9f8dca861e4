//! The account's limits: <https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines>.

use std::time::Duration;

use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::rate_limit::{Quota, RateLimit};

/// What is left, of all requests and of searches.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) burst: RateLimit,
    pub(crate) day: RateLimit,
    /// No header states it.
    pub(crate) searches: RateLimit,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const TEN_SECONDS: Duration = Duration::from_secs(10);

impl Default for Limits {
    fn default() -> Self {
        // A Professional account. As many searches as a test likes.
        Self { burst: burst(190), day: day(625_000), searches: searches(1_000_000) }
    }
}

pub(crate) fn burst(requests: u64) -> RateLimit {
    RateLimit::new(requests, TEN_SECONDS)
}

pub(crate) fn day(requests: u64) -> RateLimit {
    RateLimit::new(requests, DAY)
}

pub(crate) fn searches(requests: u64) -> RateLimit {
    RateLimit::new(requests, Duration::from_secs(1))
}

/// A request that the limits admit or refuse.
pub(crate) struct Admitted {
    refusal: Option<Response>,
    /// Of all requests; a search has no headers.
    shown: Option<(Quota, Quota)>,
}

impl Limits {
    pub(crate) fn take(&mut self, search: bool) -> Admitted {
        let now = OffsetDateTime::now_utc();
        if search && !self.searches.take(now).admitted {
            return Admitted { refusal: Some(refused("SECONDLY", "secondly")), shown: None };
        }
        let (burst, day) = (self.burst.take(now), self.day.take(now));
        let refusal = if !day.admitted {
            Some(refused("DAILY", "daily"))
        } else if !burst.admitted {
            Some(refused("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"))
        } else {
            None
        };
        Admitted { refusal, shown: (!search).then_some((burst, day)) }
    }
}

impl Admitted {
    pub(crate) fn refusal(&mut self) -> Option<Response> {
        self.refusal.take()
    }

    pub(crate) fn state_in(&self, reply: &mut Response) {
        let Some((burst, day)) = &self.shown else { return };
        let headers = [
            ("x-hubspot-ratelimit-daily", day.limit),
            ("x-hubspot-ratelimit-daily-remaining", day.remaining),
            ("x-hubspot-ratelimit-interval-milliseconds", 10_000),
            ("x-hubspot-ratelimit-max", burst.limit),
            ("x-hubspot-ratelimit-remaining", burst.remaining),
        ];
        for (name, number) in headers {
            reply.headers_mut().insert(HeaderName::from_static(name), number.into());
        }
    }
}

pub(crate) fn refused(policy: &str, text: &str) -> Response {
    let body = json!({"status": "error", "message": format!("You have reached your {text} limit."),
        "errorType": "RATE_LIMIT", "correlationId": Uuid::new_v4().to_string(), "policyName": policy});
    (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response()
}
