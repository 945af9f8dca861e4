//! What a status means: one pure function, for all providers.

use std::time::Duration;

use crate::error::{Outage, ProviderError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    Body,
    NotModified,
    NotFound,
    Gone,
    Failed(ProviderError),
}

/// Pause after a 429 that does not say how long.
const DEFAULT_PAUSE: Duration = Duration::from_secs(5);

/// `conditional`: the request had an `If-None-Match`. `pause`: how long the headers ask to wait.
pub(crate) fn meaning(status: u16, conditional: bool, pause: Option<Duration>) -> Meaning {
    let unavailable = |cause| ProviderError::Unavailable { cause, retry_after: pause };
    Meaning::Failed(match status {
        200..=299 => return Meaning::Body,
        304 if conditional => return Meaning::NotModified,
        404 => return Meaning::NotFound,
        410 => return Meaning::Gone,
        401 | 403 => ProviderError::Unauthorized,
        408 => unavailable(Outage::Timeout),
        429 => ProviderError::RateLimited { retry_after: pause.unwrap_or(DEFAULT_PAUSE) },
        // The server has no such function, now or later.
        501 => ProviderError::Invalid { status },
        500..=599 => unavailable(Outage::ServerError),
        // Not the provider's API answers here: its address has moved, or a gateway is in between. A probe tells whether that
        // holds for every request.
        301..=399 => ProviderError::REDIRECT,
        _ => ProviderError::Invalid { status },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

    #[test]
    fn every_status_has_one_meaning() {
        let failed = |error| Meaning::Failed(error);
        let limited = |secs| failed(ProviderError::RateLimited { retry_after: Duration::from_secs(secs) });
        let outage = |cause, retry_after| failed(ProviderError::Unavailable { cause, retry_after });
        let cases = [
            (200, false, None, Meaning::Body),
            (204, false, None, Meaning::Body),
            (300, false, None, failed(ProviderError::Invalid { status: 300 })),
            (301, false, None, failed(ProviderError::REDIRECT)),
            (304, true, None, Meaning::NotModified),
            (304, false, None, failed(ProviderError::REDIRECT)),
            (400, false, None, failed(ProviderError::Invalid { status: 400 })),
            (401, false, None, failed(ProviderError::Unauthorized)),
            (403, false, None, failed(ProviderError::Unauthorized)),
            (404, false, None, Meaning::NotFound),
            (404, true, MINUTE, Meaning::NotFound),
            (408, false, None, outage(Outage::Timeout, None)),
            (410, false, None, Meaning::Gone),
            (412, true, None, failed(ProviderError::Invalid { status: 412 })),
            (422, false, None, failed(ProviderError::Invalid { status: 422 })),
            (429, false, None, limited(5)),
            (429, false, MINUTE, limited(60)),
            (500, false, None, outage(Outage::ServerError, None)),
            (501, false, None, failed(ProviderError::Invalid { status: 501 })),
            (503, false, MINUTE, outage(Outage::ServerError, MINUTE)),
            (599, false, None, outage(Outage::ServerError, None)),
            (999, false, None, failed(ProviderError::Invalid { status: 999 })),
        ];
        for (status, conditional, pause, expected) in cases {
            assert_eq!(meaning(status, conditional, pause), expected, "{status} {conditional} {pause:?}");
        }
    }
}
