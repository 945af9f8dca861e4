//! What becomes of an authentic webhook, whatever the bus and the database do.

use std::time::Duration;

use event_bus::RecordingBus;
use event_contract::{Envelope, IngressChange, IngressEvent};
use local_stack::wait_until;
use postgres_store::Store;
use testkit::{PATIENCE, PERSONA, Setup, World};

use crate::forgeries::{answer, in_process};
use crate::requests::{entra_about, of_every_provider, persona, stripe, stripe_signed};
use crate::{Ingress, MARKER, arrived, bodies, bodies_of, outbox_empties, stored};

#[tokio::test]
async fn a_signed_webhook_arrives_as_its_ids_and_nothing_else() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_more_sources(PERSONA)).await;
    let mut ingress = Ingress::start(&world, &[]).await;
    let published = (200, r#"{"status":"published"}"#.to_owned());
    assert_eq!(ingress.send(&stripe("vs_1")).await, published);
    assert_eq!(ingress.send(&persona("inq_1")).await, published);
    let mut all = bodies_of(&world, "identity-verification-stripe", 1).await;
    all.extend(bodies_of(&world, "identity-verification-persona", 1).await);
    let mut events: Vec<(Envelope, IngressEvent)> = all
        .iter()
        .map(|body| Envelope::parse(body).unwrap())
        .map(|envelope| (envelope.clone(), serde_json::from_str(envelope.detail.get()).unwrap()))
        .collect();
    events.sort_by(|a, b| a.0.source.cmp(&b.0.source));
    let [(inquiry, inquiry_event), (session, session_event)] = events.try_into().ok().unwrap();
    assert_eq!(
        (inquiry.source.as_str(), inquiry.detail_type.as_str()),
        ("coppice.ingress.persona", "inquiry.approved")
    );
    assert_eq!(inquiry_event.ids, ["inq_1"]);
    assert!(inquiry_event.not_before.is_some());
    assert_eq!(session.source, "coppice.ingress.stripe");
    assert_eq!(session.detail_type, "identity.verification_session.verified");
    let ids = vec!["vs_1".to_owned()];
    assert_eq!(
        session_event,
        IngressEvent { ids, change: IngressChange::Changed, not_before: None, account: None }
    );
    assert_eq!(ingress.worker.metric("coppice_webhooks_total", r#"reply="published""#).await, 2.0);
    assert_eq!(ingress.worker.stop().await, Some(0));
    assert!(!ingress.worker.log().contains(MARKER) && !world.proxy.transcript_contains(MARKER));
}

#[tokio::test]
async fn every_provider_s_webhook_is_accepted() {
    let (router, bus) = in_process(&[]);
    for (id, webhook) in of_every_provider() {
        let provider = webhook.path.rsplit('/').next().unwrap().to_owned();
        assert_eq!(answer(&router, &webhook).await.0, 200, "{provider}");
        let last = bus.published().pop().unwrap();
        assert_eq!(last.source(), format!("coppice.ingress.{provider}"));
        let event: IngressEvent = serde_json::from_str(last.detail()).unwrap();
        assert_eq!(event.ids, [id], "{provider}");
        assert!(!last.detail().contains(MARKER) && !last.detail_type().contains(MARKER));
    }
}

#[tokio::test]
async fn a_lifecycle_event_of_entra_is_an_event_without_ids_and_a_renewal_is_none() {
    let (router, bus) = in_process(&[]);
    for event in ["missed", "subscriptionRemoved"] {
        let lifecycle = entra_about(&format!(r#""lifecycleEvent":"{event}""#));
        assert_eq!(answer(&router, &lifecycle).await.0, 200, "{event}");
        let last = bus.published().pop().unwrap();
        assert_eq!((last.source(), last.detail_type()), ("coppice.ingress.entra", event));
        let detail: IngressEvent = serde_json::from_str(last.detail()).unwrap();
        assert_eq!((detail.ids.len(), detail.change), (0, IngressChange::Missed));
        assert_eq!(detail.account.as_deref(), Some("9f4c31d2-0b1a-4c6e-8f57-2d90a1b3c4e5"));
    }
    let renewal = entra_about(r#""lifecycleEvent":"reauthorizationRequired""#);
    assert_eq!(answer(&router, &renewal).await, (204, String::new()));
    assert_eq!(bus.published().len(), 2);
}

#[tokio::test]
async fn an_authentic_webhook_that_names_no_record_is_accepted_and_not_published() {
    let (router, bus) = in_process(&[]);
    let other = stripe_signed(r#"{"type":"charge.succeeded","data":{"object":{"id":"ch_1"}}}"#, 0);
    assert_eq!(answer(&router, &other).await, (204, String::new()));
    assert_eq!(bus.published().len(), 0);
}

#[tokio::test]
async fn while_the_bus_is_down_events_are_stored_and_published_when_it_is_back() {
    let world = World::start_with_emulator().await;
    let ingress = Ingress::start(&world, &[]).await;
    let stored_reply = (202, r#"{"status":"stored"}"#.to_owned());

    // The bus throttles.
    world.proxy.throttle("PutEvents", 1_000_000);
    for number in 0..5 {
        assert_eq!(ingress.send(&stripe(&format!("vs_{number}"))).await, stored_reply);
    }
    assert_eq!(stored(&world).await, 5);
    let rows: Vec<String> = sqlx::query_scalar("select to_jsonb(o)::text from ingress_outbox o")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert!(rows.iter().all(|row| row.contains("vs_") && !row.contains(MARKER)), "{rows:?}");
    assert_eq!(world.queue_depth(crate::CONSUMER).await.0, 0);
    world.proxy.throttle("PutEvents", 0);
    arrived(&world, 5).await;
    outbox_empties(&world).await;

    // The bus does not answer.
    let gate = world.proxy.hold("PutEvents");
    assert_eq!(ingress.send(&stripe("vs_held")).await, stored_reply);
    gate.release();
    outbox_empties(&world).await;
    let bodies = bodies(&world, world.queue_depth(crate::CONSUMER).await.0).await;
    assert!(bodies.iter().any(|body| body.contains("vs_held")));
    assert!(!ingress.worker.log().contains(MARKER) && !world.proxy.transcript_contains(MARKER));
}

#[tokio::test]
async fn while_the_bus_is_missing_the_process_is_not_ready_and_events_are_stored() {
    let world = World::start_with_emulator().await;
    let ingress = Ingress::start(&world, &[]).await;
    let events = aws_sdk_eventbridge::Client::new(&local_stack::aws_config(world.emulator_endpoint()));
    let readiness = async |wanted: u16| {
        let is = async || Ok((ingress.worker.get("readyz").await.unwrap().0 == wanted).then_some(()));
        wait_until(PATIENCE, "readiness to change", is).await.unwrap();
    };
    events.delete_event_bus().name(&world.topology.bus).send().await.unwrap();
    readiness(503).await;
    assert_eq!(ingress.send(&stripe("vs_1")).await.0, 202);
    let seen = async || {
        let waiting = ingress.worker.metric("coppice_ingress_outbox_waiting", "").await;
        Ok((waiting >= 1.0).then_some(()))
    };
    wait_until(PATIENCE, "the relay to have seen it", seen).await.unwrap();
    assert_eq!((stored(&world).await, world.proxy.calls("PutEvents")), (1, 0));
    events.create_event_bus().name(&world.topology.bus).send().await.unwrap();
    readiness(200).await;
    outbox_empties(&world).await;
    assert_eq!(world.proxy.calls("PutEvents"), 1);
}

#[tokio::test]
async fn stored_events_outlive_the_process() {
    let world = World::start_with_emulator().await;
    let mut first = Ingress::start(&world, &[]).await;
    world.proxy.throttle("PutEvents", 1_000_000);
    assert_eq!(first.send(&stripe("vs_1")).await.0, 202);
    first.worker.process.kill().unwrap();
    first.worker.exit_code().await;
    world.proxy.throttle("PutEvents", 0);
    let _second = Ingress::start(&world, &[]).await;
    // The first process's relay may have ended with a lease, which has to expire.
    outbox_empties(&world).await;
    arrived(&world, 1).await;
}

#[tokio::test]
async fn with_neither_bus_nor_database_the_provider_is_asked_to_try_again() {
    let bus = RecordingBus::default();
    bus.fail_next_calls(1, event_bus::CallFailure::Throttled);
    let nowhere = Store::open(&"postgres://coppice@127.0.0.1:1/none".to_owned().into(), 2).unwrap();
    let router = crate::forgeries::router_of(bus.clone(), nowhere, &[]);
    let reply = crate::forgeries::response(&router, &stripe("vs_1")).await;
    assert_eq!((reply.status().as_u16(), reply.headers()["retry-after"].to_str().unwrap()), (503, "10"));
    assert_eq!(answer(&router, &stripe("vs_1")).await.0, 200, "and then it is taken");
    assert_eq!(bus.published().len(), 1);
}

#[tokio::test]
async fn after_sigterm_the_request_in_flight_is_finished() {
    let world = World::start_with_emulator().await;
    let mut ingress = Ingress::start(&world, &[("COPPICE_PUBLISH_LIMIT_MS", "10000")]).await;
    let gate = world.proxy.hold("PutEvents");
    let reply = tokio::spawn({
        let (http, base, webhook) = (ingress.http.clone(), ingress.base.clone(), stripe("vs_1"));
        async move {
            let call = http.post(format!("{base}{}", webhook.path)).body(webhook.body);
            let call = webhook.headers.iter().fold(call, |call, (name, value)| call.header(name, value));
            call.send().await.unwrap().status().as_u16()
        }
    });
    let under_way = async || Ok((world.proxy.calls("PutEvents") > 0).then_some(()));
    wait_until(PATIENCE, "the call to be under way", under_way).await.unwrap();
    ingress.worker.process.terminate().unwrap();
    let base = ingress.base.trim_start_matches("http://").to_owned();
    let closed = async || Ok(tokio::net::TcpStream::connect(&base).await.is_err().then_some(()));
    wait_until(Duration::from_secs(20), "the port to close", closed).await.unwrap();
    gate.release();
    assert_eq!(reply.await.unwrap(), 200);
    assert_eq!(ingress.worker.exit_code().await, Some(0));
    arrived(&world, 1).await;
}
