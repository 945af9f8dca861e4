//! Records that are handed over: stored first, then announced, whatever the sender, the bus and the database do.

use std::time::Duration;

use axum::Router;
use axum::http::Method;
use event_bus::{CallFailure, RecordingBus};
use event_contract::{IngressChange, IngressEvent};
use local_stack::wait_until;
use postgres_store::Store;
use serde_json::{Value, json};
use testkit::{PATIENCE, World};

use crate::forgeries::{answer, in_process, router_of};
use crate::requests::{Webhook, record};
use crate::{Ingress, MARKER, UNIT};

/// The router with a bus that records, and the database as the unit may use it.
struct Receiver {
    world: World,
    router: Router,
    bus: RecordingBus,
}

type Row = (Option<i64>, bool, Option<Value>, Option<Vec<u8>>);

impl Receiver {
    async fn start() -> Self {
        let world = World::start().await;
        let bus = RecordingBus::default();
        let store = Store::open(&world.database_url_of(UNIT).into(), 4).unwrap();
        Self { router: router_of(bus.clone(), store, &[]), world, bus }
    }

    async fn put(&self, id: &str, version: &str, body: &Value) -> (u16, String) {
        answer(&self.router, &put(id, version, body)).await
    }

    async fn delete(&self, id: &str, version: &str) -> (u16, String) {
        answer(&self.router, &delete(id, version)).await
    }

    async fn row(&self, id: &str) -> Option<Row> {
        let row = sqlx::query_as(
            "select version_number, removed, content, content_hash from handed_over_record
             where source = 'county' and record_id = $1",
        );
        row.bind(id).fetch_optional(&self.world.pool).await.unwrap()
    }

    async fn count(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from handed_over_record");
        count.fetch_one(&self.world.pool).await.unwrap()
    }

    fn last_event(&self) -> IngressEvent {
        let last = self.bus.published().pop().unwrap();
        assert_eq!((last.source(), last.detail_type()), ("coppice.ingress.county", "record"));
        assert!(!last.detail().contains(MARKER));
        serde_json::from_str(last.detail()).unwrap()
    }
}

fn path(id: &str, version: &str) -> String {
    let id: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/sources/county/records/{id}?version={version}")
}

fn put(id: &str, version: &str, body: &Value) -> Webhook {
    record(Method::PUT, &path(id, version), body.to_string().as_bytes())
}

fn delete(id: &str, version: &str) -> Webhook {
    record(Method::DELETE, &path(id, version), b"")
}

fn mara() -> Value {
    json!({"given_name": format!("{MARKER}-Mara"), "mailing_address": {"city": "Port Ellery"}})
}

fn published() -> (u16, String) {
    (200, r#"{"status":"published"}"#.to_owned())
}

fn unchanged(word: &str) -> (u16, String) {
    (409, format!(r#"{{"changed":false,"error":"{word}"}}"#))
}

#[tokio::test]
async fn the_higher_version_wins_and_one_version_has_one_content() {
    let county = Receiver::start().await;
    let (old, new) = (json!({"given_name": "Mara"}), mara());
    assert_eq!(county.put("1", "2", &old).await, published());
    assert_eq!(county.put("1", "2", &old).await, published(), "again");
    assert_eq!(county.bus.published().len(), 2, "it is announced again: the first event may be lost");
    assert_eq!(county.put("1", "2", &new).await, unchanged("version_conflict"));
    assert_eq!(county.put("1", "1", &new).await, unchanged("older_version"));
    assert_eq!(county.put("1", "2026-11-20T08:00:00Z", &new).await, unchanged("version_kind"));
    assert_eq!(county.delete("1", "2").await, unchanged("version_conflict"));
    assert_eq!(county.row("1").await.unwrap().2, Some(old.clone()));
    assert_eq!(county.put("1", "3", &new).await, published());
    assert_eq!(county.row("1").await.unwrap().2, Some(new.clone()));

    assert_eq!(county.delete("1", "4").await, published());
    assert_eq!(county.last_event().change, IngressChange::Deleted);
    let tombstone = (Some(4), true, None, None);
    assert_eq!(county.row("1").await, Some(tombstone.clone()), "a tombstone holds nothing personal");
    assert_eq!(county.delete("1", "4").await, published(), "again");
    assert_eq!(county.put("1", "4", &new).await, unchanged("version_conflict"));
    assert_eq!(county.put("1", "3", &new).await, unchanged("older_version"));
    assert_eq!(county.row("1").await, Some(tombstone));
    assert_eq!(county.put("1", "5", &new).await, published());
    assert_eq!(county.bus.published().len(), 6);
    // A record that was removed before it was ever sent stays removed.
    assert_eq!(county.delete("2", "9").await, published());
    assert_eq!(county.put("2", "8", &new).await, unchanged("older_version"));
}

#[tokio::test]
async fn a_time_is_a_version_and_the_event_says_how_old_the_record_is_at_most() {
    let county = Receiver::start().await;
    for (version, expected) in [
        ("2026-11-20T08:00:00Z", published()),
        ("2026-11-20T09:00:00%2B01:00", published()),
        ("2026-11-20T07:59:59.999999Z", unchanged("older_version")),
        ("2026-11-20T08:00:00.000001Z", published()),
        ("7", unchanged("version_kind")),
    ] {
        assert_eq!(county.put("1", version, &mara()).await, expected, "{version}");
    }
    let bound = county.last_event().not_before.unwrap();
    assert_eq!(bound.unix_timestamp_nanos() % 1_000_000_000, 1000);
}

#[tokio::test]
async fn an_id_may_have_every_character_that_a_text_can_have() {
    let county = Receiver::start().await;
    let longest = "x".repeat(255);
    let ids = [
        "a/b",
        "a b",
        "%2F",
        "?version=1",
        "#",
        "..",
        ".",
        "\"'\\",
        "ä",
        "日本",
        "+",
        "&=;",
        longest.as_str(),
    ];
    for id in ids {
        assert_eq!(county.put(id, "1", &mara()).await, published(), "{id}");
        assert_eq!(county.last_event().ids, [id]);
        assert!(county.row(id).await.is_some(), "{id}");
    }
    assert_eq!(county.count().await, ids.len() as i64);
}

#[tokio::test]
async fn a_request_of_another_form_is_refused_and_changes_nothing() {
    let county = Receiver::start().await;
    let of = |method: Method, path: &str, body: &[u8]| record(method, path, body);
    let good = mara().to_string();
    let put = |path: &str| of(Method::PUT, path, good.as_bytes());
    let at = |query: &str| put(&format!("/sources/county/records/1{query}"));
    let body = |body: &[u8]| of(Method::PUT, "/sources/county/records/1?version=1", body);
    let large = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let cases: Vec<(&str, Webhook, u16, &str)> = vec![
        ("no ID", put("/sources/county/records/?version=1"), 400, "record_id"),
        ("NUL", put("/sources/county/records/a%00?version=1"), 400, "record_id"),
        ("line break", put("/sources/county/records/a%0A?version=1"), 400, "record_id"),
        ("no UTF-8", put("/sources/county/records/%FF?version=1"), 400, "record_id"),
        ("long ID", put(&format!("/sources/county/records/{}?version=1", "x".repeat(256))), 400, "record_id"),
        ("two segments", put("/sources/county/records/a/b?version=1"), 404, "not_found"),
        ("no version", at(""), 400, "version"),
        ("empty version", at("?version="), 400, "version"),
        ("odd version", at(&format!("?version={MARKER}")), 400, "version"),
        ("negative version", at("?version=-1"), 400, "version"),
        ("fraction", at("?version=1.5"), 400, "version"),
        ("two versions", at("?version=1&version=2"), 400, "version"),
        ("nanoseconds", at("?version=2026-11-20T08:00:00.000000001Z"), 400, "version"),
        ("no JSON", body(MARKER.as_bytes()), 400, "unreadable"),
        ("nothing", body(b""), 400, "unreadable"),
        ("list", body(b"[{}]"), 400, "unreadable"),
        ("NUL in a text", body(br#"{"a":"\u0000"}"#), 400, "unreadable"),
        ("no UTF-8 body", body(b"{\"a\":\"\xff\"}"), 400, "unreadable"),
        ("1 MiB and a byte", body(large((1 << 20) + 1).as_bytes()), 413, "too_large"),
        ("text", body(good.as_bytes()).with("content-type", "text/plain"), 415, "content_type"),
        ("compressed", body(good.as_bytes()).with("content-encoding", "gzip"), 415, "content_encoding"),
        ("POST", of(Method::POST, "/sources/county/records/1?version=1", good.as_bytes()), 405, "method"),
        ("GET", of(Method::GET, "/sources/county/records/1?version=1", b""), 405, "method"),
        (
            "removal with a body",
            of(Method::DELETE, "/sources/county/records/1?version=1", b"{}"),
            400,
            "unreadable",
        ),
        ("unknown source", put("/sources/none/records/1?version=1"), 404, "unknown_source"),
        ("another kind of source", put("/sources/stripe/records/1?version=1"), 404, "unknown_source"),
        ("no webhook", of(Method::POST, "/webhooks/county", good.as_bytes()), 404, "unknown_source"),
        ("unsigned", body(good.as_bytes()).without("x-coppice-signature"), 401, "signature"),
        (
            "signed for another path",
            at("?version=2").to("/sources/county/records/1?version=3"),
            401,
            "signature",
        ),
        (
            "signed for a removal",
            {
                let mut other = delete("1", "1");
                other.method = Method::PUT;
                other.body = good.clone().into_bytes();
                other
            },
            401,
            "signature",
        ),
    ];
    for (what, webhook, status, word) in cases {
        assert_eq!(
            answer(&county.router, &webhook).await,
            (status, format!(r#"{{"error":"{word}"}}"#)),
            "{what}"
        );
    }
    assert_eq!((county.count().await, county.bus.published().len()), (0, 0));
    let largest = body(large(1 << 20).as_bytes());
    assert_eq!(answer(&county.router, &largest).await, published(), "1 MiB");
}

#[tokio::test]
async fn what_the_bus_does_not_take_is_stored_and_sent_again_by_its_sender() {
    let county = Receiver::start().await;
    county.bus.fail_next_calls(1, CallFailure::Throttled);
    let request = put("1", "1", &mara());
    let not_safe = (503, r#"{"error":"not_safe"}"#.to_owned());
    assert_eq!(answer(&county.router, &request).await, not_safe);
    assert!(county.row("1").await.is_some(), "stored first");
    assert_eq!(county.bus.published().len(), 0);
    assert_eq!(answer(&county.router, &request).await, published());
    assert_eq!(county.last_event().ids, ["1"]);
    let waiting: i64 = sqlx::query_scalar("select count(*) from ingress_outbox")
        .fetch_one(&county.world.pool)
        .await
        .unwrap();
    assert_eq!(waiting, 0, "the sender repeats it, and nothing else does");
}

#[tokio::test]
async fn without_a_database_nothing_is_announced() {
    let (router, bus) = in_process(&[]);
    assert_eq!(answer(&router, &put("1", "1", &mara())).await.0, 503);
    assert_eq!(bus.published().len(), 0, "a worker would find no record");
}

/// The real process, whose bus does not answer for a while.
#[tokio::test]
async fn a_sender_heals_a_failure_between_the_store_and_the_bus() {
    let world = World::start().await;
    let ingress = Ingress::start(&world, &[]).await;
    world.proxy.throttle("PutEvents", 1_000_000);
    let request = record(Method::PUT, "/sources/county/records/1?version=1", mara().to_string().as_bytes());
    assert_eq!(ingress.send(&request).await.0, 503);
    let stored: i64 =
        sqlx::query_scalar("select count(*) from handed_over_record").fetch_one(&world.pool).await.unwrap();
    assert_eq!(stored, 1);
    world.proxy.throttle("PutEvents", 0);
    let healed = async || Ok((ingress.send(&request).await.0 == 200).then_some(()));
    wait_until(PATIENCE.max(Duration::from_secs(20)), "the repeated request to be answered", healed)
        .await
        .unwrap();
    assert!(!ingress.worker.log().contains(MARKER) && !world.proxy.transcript_contains(MARKER));
}
