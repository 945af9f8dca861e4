//! A tenant with faults that the test sets.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use simulators::auth0::{Auth0Simulator, Fault, SimulatedUser};
use tokio::time::Instant;

use crate::auth0::{ID, get_user, token};

/// A tenant with one user, and a token for it.
async fn tenant() -> (Auth0Simulator, String) {
    let tenant = Auth0Simulator::start().await;
    tenant.put_user(SimulatedUser::new(ID));
    let token = token(&tenant).await;
    (tenant, token)
}

#[tokio::test]
async fn faults_have_their_status_and_end() {
    let (tenant, token) = tenant().await;
    for (fault, status) in [
        (Fault::Down, 503),
        (Fault::ServerError(502), 502),
        (Fault::RateLimited { retry_after_secs: 7 }, 429),
        (Fault::TokenRefused, 401),
        (Fault::WrongJson, 200),
        (Fault::Partial, 200),
        (Fault::None, 200),
    ] {
        tenant.set_fault(fault);
        let reply = get_user(&tenant, &token).await;
        assert_eq!(reply.status(), status, "{fault:?}");
        assert_eq!(reply.headers().contains_key("retry-after"), status == 429);
        let body = reply.json::<Value>().await.ok();
        assert_eq!(body.is_none(), matches!(fault, Fault::Down | Fault::WrongJson), "{fault:?}");
        let full = body.is_some_and(|body| body.get("email").is_some());
        assert_eq!(full, fault == Fault::None, "{fault:?}");
    }
}

#[tokio::test]
async fn one_user_alone_can_fail() {
    let (tenant, token) = tenant().await;
    tenant.set_status(ID, Some(500));
    assert_eq!(get_user(&tenant, &token).await.status(), 500);
    tenant.set_status(ID, None);
    assert_eq!(get_user(&tenant, &token).await.status(), 200);
}

#[tokio::test]
async fn a_stale_replica_lags_by_one_change() {
    let (tenant, token) = tenant().await;
    tenant.set_fault(Fault::Stale);
    assert_eq!(get_user(&tenant, &token).await.status(), 404);
    tenant.block(ID);
    let before: Value = get_user(&tenant, &token).await.json().await.unwrap();
    assert_eq!(before.get("blocked"), None);
    tenant.delete(ID);
    let before: Value = get_user(&tenant, &token).await.json().await.unwrap();
    assert_eq!(before["blocked"], true);
    tenant.set_fault(Fault::None);
    assert_eq!(get_user(&tenant, &token).await.status(), 404);
}

#[tokio::test]
async fn held_requests_have_the_state_of_their_arrival_in_any_order_of_release() {
    let (tenant, token) = tenant().await;
    let gate = tenant.hold(ID);
    let finished = Mutex::new(Vec::new());
    let ask = async |name| {
        let body: Value = get_user(&tenant, &token).await.json().await.unwrap();
        finished.lock().unwrap().push(name);
        body
    };
    let block_and_ask = async {
        gate.arrived(1).await;
        tenant.block(ID);
        let body = ask("newer").await;
        gate.release(0);
        body
    };
    let release_the_newer = async {
        gate.arrived(2).await;
        gate.release(1);
    };
    let (older, newer, ()) = tokio::join!(ask("older"), block_and_ask, release_the_newer);
    assert_eq!(*finished.lock().unwrap(), ["newer", "older"]);
    assert_eq!((older.get("blocked"), &newer["blocked"]), (None, &Value::Bool(true)));
    drop(gate);
    assert_eq!(ask("after").await["blocked"], true);
}

#[tokio::test]
async fn a_slow_tenant_answers_late() {
    let (tenant, token) = tenant().await;
    tenant.set_fault(Fault::Slow(Duration::from_millis(80)));
    let start = Instant::now();
    assert_eq!(get_user(&tenant, &token).await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn the_rate_limit_is_enforced_and_the_headers_state_it() {
    let (tenant, token) = tenant().await;
    tenant.set_rate_limit(2, Duration::from_secs(60));
    for (status, remaining) in [(200, "1"), (200, "0"), (429, "0")] {
        let reply = get_user(&tenant, &token).await;
        assert_eq!(reply.status(), status);
        assert_eq!(reply.headers()["x-ratelimit-remaining"], remaining);
        let reset: i64 = reply.headers()["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
        let left = reset - time::OffsetDateTime::now_utc().unix_timestamp();
        assert!((58..=61).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn a_closed_port_refuses_and_opens_again() {
    let (mut tenant, token) = tenant().await;
    tenant.refuse_connections().await;
    let url = format!("{}/api/v2/users", tenant.base_url());
    assert!(reqwest::get(&url).await.unwrap_err().is_connect());
    tenant.accept_connections().await;
    assert_eq!(get_user(&tenant, &token).await.status(), 200);
}
