//! Rate limits, as the provider's headers state them: [`pause`] reads one reply's, and [`RateGate`] holds calls back until the
//! longest pause is over, so that no caller calls a provider whose quota is used up.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::Instant;

/// The shortest pause: a reset in the past or in this second still means "not now".
const MIN_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: a wrong header must not silence a provider for a day.
pub(crate) const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// Calls become available one by one, as old calls leave the window of 24 hours.
const ROLLING_DAY_PAUSE_SECS: i64 = 15 * 60;

/// Microsoft Graph counts the requests of an application and tenant in windows of this time.
const GRAPH_WINDOW_SECS: i64 = 10;

pub(crate) fn pause(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    // With a `Date`, the provider's clock is compared with itself.
    let now = text(headers, &["date"]).and_then(http_date).unwrap_or(now);
    let seconds = retry_after(headers, now)
        .or_else(|| reset_of_refused(headers))
        .or_else(|| reset_if_exhausted(headers, now))?;
    Some(believable(Duration::from_secs(seconds.try_into().unwrap_or(0))))
}

/// Headers of a provider's own in which it states its quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaHeaders {
    /// The header with the number of requests that remain. At 0, no request is sent until the reset.
    pub remaining: String,
    /// The header with the reset.
    pub reset: String,
    /// Whether the reset is in seconds since 1970, and not in seconds from now.
    pub reset_is_a_time: bool,
}

impl QuotaHeaders {
    pub(crate) fn pause(&self, headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
        let number = |name: &str| text(headers, &[name])?.parse::<i64>().ok();
        if number(&self.remaining)? > 0 {
            return None;
        }
        let reset = number(&self.reset)?;
        let seconds = if self.reset_is_a_time { reset.saturating_sub(now.unix_timestamp()) } else { reset };
        Some(believable(Duration::from_secs(seconds.try_into().unwrap_or(0))))
    }
}

pub(crate) fn believable(pause: Duration) -> Duration {
    pause.clamp(MIN_PAUSE, MAX_PAUSE)
}

fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<i64> {
    // A number or a date: <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>.
    let value = text(headers, &["retry-after"])?;
    value.parse().ok().or_else(|| Some((http_date(value)? - now).whole_seconds()))
}

fn reset_of_refused(headers: &HeaderMap) -> Option<i64> {
    // Contentful's seconds left, above zero only if calls are refused:
    // <https://www.contentful.com/developers/docs/references/content-delivery-api/#/introduction/api-rate-limits>.
    text(headers, &["x-contentful-ratelimit-reset"])?.parse().ok().filter(|seconds| *seconds > 0)
}

fn reset_if_exhausted(headers: &HeaderMap, now: OffsetDateTime) -> Option<i64> {
    // Auth0 (<https://auth0.com/docs/troubleshoot/customer-support/operational-policies/rate-limit-policy>) and Okta
    // (<https://developer.okta.com/docs/reference/rl-best-practices/>) write the reset in epoch seconds, and Persona
    // (<https://docs.withpersona.com/rate-limiting>) the seconds left.
    let at = number_if_exhausted(headers, &["x-ratelimit-", "x-rate-limit-"]);
    at.map(|reset| reset.saturating_sub(now.unix_timestamp()))
        .or_else(|| number_if_exhausted(headers, &["ratelimit-"]))
        .or_else(|| is_day_used_up(headers).then_some(ROLLING_DAY_PAUSE_SECS))
        .or_else(|| is_window_used_up(headers).then_some(GRAPH_WINDOW_SECS))
}

fn is_window_used_up(headers: &HeaderMap) -> bool {
    // Microsoft Graph's share of the limit, from 0.8 on: <https://learn.microsoft.com/graph/throttling-limits>.
    let share =
        text(headers, &["x-ms-throttle-limit-percentage"]).and_then(|share| share.parse::<f64>().ok());
    share.is_some_and(|share| share >= 1.0)
}

fn is_day_used_up(headers: &HeaderMap) -> bool {
    // Salesforce's calls of the last 24 hours, as `api-usage=18/5000`; the header may hold other usages too:
    // <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm>.
    let usages = text(headers, &["sforce-limit-info"]).unwrap_or_default().split([';', ',']);
    let usage = usages.filter_map(|usage| usage.trim().strip_prefix("api-usage=")?.split_once('/'));
    usage
        .filter_map(|(used, allowed)| Some((used.parse::<u64>().ok()?, allowed.parse::<u64>().ok()?)))
        .any(|(used, allowed)| used >= allowed)
}

/// The `reset` of the first of these families that the reply has, if no call remains.
fn number_if_exhausted(headers: &HeaderMap, families: &[&str]) -> Option<i64> {
    let number = |family: &str, name: &str| text(headers, &[&format!("{family}{name}")])?.parse::<i64>().ok();
    let family = families.iter().find(|family| number(family, "remaining").is_some())?;
    let reset = number(family, "reset")?;
    (number(family, "remaining")? <= 0).then_some(reset)
}

fn text<'a>(headers: &'a HeaderMap, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| headers.get(*name)).and_then(|value| value.to_str().ok()).map(str::trim)
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    // The preferred form, `Sun, 06 Nov 1994 08:49:37 GMT`, is a date of RFC 2822 too.
    OffsetDateTime::parse(text, &Rfc2822).ok()
}

#[derive(Debug, Default)]
pub(crate) struct RateGate {
    closed_until: Mutex<Option<Instant>>,
}

impl RateGate {
    pub(crate) fn closed_for(&self) -> Option<Duration> {
        let until = (*self.lock())?;
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(left.max(MIN_PAUSE))
    }

    pub(crate) fn close_for(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut closed_until = self.lock();
        // Never shorter: replies arrive in any order.
        *closed_until = Some(closed_until.map_or(until, |earlier| earlier.max(until)));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        // A poisoned lock is no problem: the state is one value, so a panic cannot have left it half-written.
        self.closed_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    const NOW: i64 = 1_795_000_000; // Wed, 18 Nov 2026 11:06:40 GMT

    type Headers = &'static [(&'static str, &'static str)];

    fn pause_secs(headers: Headers) -> Option<u64> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        pause(&headers, OffsetDateTime::from_unix_timestamp(NOW).unwrap()).map(|pause| pause.as_secs())
    }

    #[test]
    fn a_quota_in_headers_of_the_provider_s_own_closes_the_gate_when_it_is_used_up() {
        let pause = |left: &str, reset: &str, reset_is_a_time: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("x-left", left.parse().unwrap());
            headers.insert("x-again", reset.parse().unwrap());
            let quota = QuotaHeaders { remaining: "X-Left".into(), reset: "X-Again".into(), reset_is_a_time };
            let now = OffsetDateTime::from_unix_timestamp(NOW).unwrap();
            quota.pause(&headers, now).map(|pause| pause.as_secs())
        };
        assert_eq!(pause("1", "30", false), None);
        assert_eq!(pause("0", "30", false), Some(30));
        assert_eq!(pause("0", "1795000040", true), Some(40));
        assert_eq!(pause("0", "1", true), Some(1));
        assert_eq!(pause("none", "30", false), None);
        assert_eq!(pause("0", "soon", false), None);
    }

    #[test]
    fn headers_say_how_long_to_wait() {
        let cases: &[(Headers, Option<u64>)] = &[
            (&[], None),
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", "0")], Some(1)),
            (&[("retry-after", "-5")], Some(1)),
            (&[("retry-after", "999999999999")], Some(3600)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "Wed, 18 Nov 2026 11:07:40 GMT")], Some(60)),
            (&[("retry-after", "Wed, 18 Nov 2020 11:07:40 GMT")], Some(1)),
            (&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "1795000030")], None),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795000030")], Some(30)),
            (&[("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1795000030")], Some(30)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], Some(1)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "-9223372036854775808")], Some(1)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9223372036854775807")], Some(3600)),
            (&[("x-ratelimit-remaining", "0")], None),
            (&[("x-contentful-ratelimit-reset", "7")], Some(7)),
            (
                &[("x-contentful-ratelimit-reset", "0"), ("x-contentful-ratelimit-second-remaining", "6")],
                None,
            ),
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "42")], Some(42)),
            (&[("ratelimit-remaining", "1"), ("ratelimit-reset", "42")], None),
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "0")], Some(1)),
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "1795000030")], Some(3600)),
            (&[("ratelimit-remaining", "0")], None),
            (&[("sforce-limit-info", "api-usage=18/5000")], None),
            (&[("sforce-limit-info", "api-usage=5000/5000")], Some(900)),
            (&[("sforce-limit-info", "per-app-api-usage=9/9(appName=x); api-usage=18/5000")], None),
            (&[("sforce-limit-info", "api-usage=5001/5000; per-app-api-usage=1/9(appName=x)")], Some(900)),
            (&[("sforce-limit-info", "api-usage=many/5000")], None),
            (&[("x-ms-throttle-limit-percentage", "0.9")], None),
            (&[("x-ms-throttle-limit-percentage", "1.0")], Some(10)),
            (&[("x-ms-throttle-limit-percentage", "1.8"), ("retry-after", "3")], Some(3)),
            (&[("x-ms-throttle-limit-percentage", "NaN")], None),
            (
                &[("retry-after", "2"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795000030")],
                Some(2),
            ),
        ];
        for (headers, expected) in cases {
            assert_eq!(pause_secs(headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn a_reset_is_compared_with_the_clock_that_set_it() {
        // The provider's clock is an hour behind ours.
        let headers: Headers = &[
            ("date", "Wed, 18 Nov 2026 10:06:40 GMT"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1794996410"),
        ];
        assert_eq!(pause_secs(headers), Some(10));
    }

    #[tokio::test(start_paused = true)]
    async fn the_gate_opens_by_itself_and_a_shorter_pause_never_opens_it_early() {
        let gate = RateGate::default();
        assert_eq!(gate.closed_for(), None);
        gate.close_for(Duration::from_secs(30));
        gate.close_for(Duration::from_secs(2));
        assert_eq!(gate.closed_for(), Some(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_millis(29_900)).await;
        assert_eq!(gate.closed_for(), Some(Duration::from_secs(1)));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(gate.closed_for(), None);
    }
}
