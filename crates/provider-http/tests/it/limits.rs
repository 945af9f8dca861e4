//! Rate limits, and how many requests are in flight at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use provider_http::{Admission, Answer, NotAdmitted, ProviderError, ProviderHttp};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::server::{Server, reply};

async fn get(client: &ProviderHttp) -> Result<Answer<Value>, ProviderError> {
    client.get_json(&["users", "x"], &[], None).await
}

#[tokio::test]
async fn after_a_429_no_caller_sends_until_the_pause_is_over() {
    let server = Server::start(|_, _| async { reply(429, &[("retry-after", "60")], "") }).await;
    let client = server.client();
    for _ in 0..5 {
        let Err(ProviderError::RateLimited { retry_after }) = get(&client.clone()).await else {
            panic!("not limited")
        };
        assert!((59..=60).contains(&retry_after.as_secs()), "{retry_after:?}");
    }
    assert_eq!(server.seen.requests(), 1);
}

#[tokio::test]
async fn the_last_call_of_a_quota_succeeds_and_the_next_is_not_sent() {
    let server = Server::start(|_, _| async {
        let headers = [
            ("date", "Wed, 18 Nov 2026 11:06:40 GMT"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1795000030"),
        ];
        reply(200, &headers, "{}")
    })
    .await;
    let client = server.client();
    assert!(get(&client).await.is_ok());
    assert!(matches!(get(&client).await, Err(ProviderError::RateLimited { .. })));
    assert_eq!(server.seen.requests(), 1);
}

#[tokio::test]
async fn a_reset_given_as_seconds_left_closes_the_gate_too() {
    let server = Server::start(|_, _| async {
        reply(200, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "42")], "{}")
    })
    .await;
    let client = server.client();
    assert!(get(&client).await.is_ok());
    let Err(ProviderError::RateLimited { retry_after }) = get(&client).await else { panic!("not limited") };
    assert!((41..=42).contains(&retry_after.as_secs()), "{retry_after:?}");
}

#[tokio::test]
async fn an_outage_with_retry_after_does_not_hold_back_the_probe() {
    let server = Server::start(|_, _| async { reply(503, &[("retry-after", "60")], "") }).await;
    let client = server.client();
    for _ in 0..2 {
        assert!(matches!(get(&client).await, Err(ProviderError::Unavailable { .. })));
    }
    assert_eq!(server.seen.requests(), 2);
}

#[tokio::test]
async fn the_gate_opens_after_a_short_pause() {
    let server = Server::start(|number, _| async move {
        if number == 1 { reply(429, &[("retry-after", "1")], "") } else { reply(200, &[], "{}") }
    })
    .await;
    let client = server.client();
    assert!(matches!(get(&client).await, Err(ProviderError::RateLimited { .. })));
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    let opened = async {
        while get(&client).await.is_err() {
            looks.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), opened).await.unwrap();
    assert_eq!(server.seen.requests(), 2);
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    let doors = Arc::new(Semaphore::new(0));
    let closed = Arc::clone(&doors);
    let server = Server::start(move |_, _| {
        let closed = Arc::clone(&closed);
        async move {
            closed.acquire().await.unwrap().forget();
            reply(200, &[], "{}")
        }
    })
    .await;
    let client = ProviderHttp::new(provider_http::ProviderHttpConfig {
        max_concurrent: 3,
        timeout: Duration::from_secs(10),
        ..server.config()
    })
    .unwrap();
    let calls: Vec<_> = (0..9)
        .map(|_| {
            tokio::spawn({
                let client = client.clone();
                async move { get(&client).await }
            })
        })
        .collect();
    let arrived = async {
        while server.seen.requests() < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), arrived).await.unwrap();
    doors.add_permits(9);
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(server.seen.most_in_flight.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn no_request_is_sent_before_it_is_admitted_and_each_needs_its_own_admission() {
    let server = Server::start(|_, _| async { reply(200, &[], "{}") }).await;
    let permits = Arc::new(Semaphore::new(1));
    let mut config = server.config();
    config.admission = Some(Admission::new({
        let permits = Arc::clone(&permits);
        move || {
            let permits = Arc::clone(&permits);
            async move {
                let closed = |_| NotAdmitted { retry_after: Duration::from_secs(7) };
                permits.acquire_owned().await.map(|permit| permit.forget()).map_err(closed)
            }
        }
    }));
    let client = ProviderHttp::new(config).unwrap();
    assert!(get(&client).await.is_ok());
    let mut second = std::pin::pin!(get(&client));
    assert!(futures::poll!(&mut second).is_pending());
    assert_eq!(server.seen.requests(), 1);
    permits.add_permits(1);
    assert!(second.await.is_ok());
    assert_eq!(server.seen.requests(), 2);
    // A caller that waits gets an answer as soon as it is clear that no more requests are admitted.
    let mut third = std::pin::pin!(get(&client));
    assert!(futures::poll!(&mut third).is_pending());
    permits.close();
    assert_eq!(third.await.unwrap_err(), ProviderError::RateLimited { retry_after: Duration::from_secs(7) });
    assert_eq!(server.seen.requests(), 2);
}
