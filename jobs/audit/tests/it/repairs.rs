//! `audit --repair`.

use std::time::Duration;

use local_stack::aws_config;
use serde_json::{Value, json};
use sqs_queue::{Queue, SqsQueue};
use testkit::{World, unit_binary};

use crate::world::{SSO, audit, audit_with, change_unseen, findings, in_step, queues, user};

/// The body of a message in a unit's queue.
async fn first_message(world: &World, unit: &str) -> String {
    let config = aws_config(world.aws_endpoint());
    let queue = SqsQueue::connect(&config, world.topology.queue_url(unit).unwrap());
    queue.receive(1, Duration::ZERO).await.unwrap().remove(0).body
}

#[tokio::test]
async fn a_repair_rereads_divergent_records_and_the_next_audit_finds_none() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    world.idp.delete(&user(2));
    let queue = world.topology.queue_url("sso-sync").unwrap().to_owned();
    let said = audit(&world, &[&SSO[..], &["--repair", "--queue-url", &queue]].concat()).await;
    said.says(1, &[]);
    assert_eq!(findings(&said, "auth0")["repair"], json!(2));
    assert_eq!(world.queue_depth("sso-sync").await.0, 2);

    let _worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    world.person_where(&user(1), |person| person.given_name.as_deref() == Some("Renamed")).await;
    world.person_where(&user(2), |person| person.status == "deleted").await;
    world.settled("sso-sync").await;
    audit(&world, &SSO).await.says(0, &[]);
}

#[tokio::test]
async fn a_repair_sends_the_ids_of_each_source_to_its_own_resync_queue() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    let queues = queues(&world);
    let arguments = ["--source", "auth0,salesforce", "--repair"];
    audit_with(&world, &arguments, &[("COPPICE_QUEUE_URLS", &queues)]).await.says(1, &[]);
    assert_eq!(world.queue_depth("sso-resync").await, (1, 0));
    assert_eq!(world.queue_depth("crm-resync").await, (0, 0));
    let message: Value = serde_json::from_str(&first_message(&world, "sso-resync").await).unwrap();
    assert_eq!(
        (&message["source"], &message["detail-type"]),
        (&json!("coppice.ingress.auth0"), &json!("resync"))
    );
    assert_eq!(message["detail"], json!({"ids": [user(1)], "change": "changed"}));
}

#[tokio::test]
async fn a_repair_with_too_many_records_stops_and_the_audit_still_reports_them() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    change_unseen(&world, &user(2), "Renamed");
    let queue = world.topology.queue_url("sso-resync").unwrap().to_owned();
    let arguments = [&SSO[..], &["--repair", "--queue-url", &queue, "--max-repair", "1"]].concat();
    let said = audit(&world, &arguments).await;
    said.says(4, &["2 records of auth0 diverge, more than --max-repair 1: nothing was sent to a queue"]);
    assert_eq!(findings(&said, "auth0")["divergent"], json!({"stale": [user(1), user(2)]}));
    assert_eq!(world.queue_depth("sso-resync").await, (0, 0));
}

#[tokio::test]
async fn the_error_about_a_missing_queue_has_the_number_of_records_sent() {
    let world = in_step().await;
    change_unseen(&world, &user(1), "Renamed");
    let queue = format!("{}-not", world.topology.queue_url("sso-resync").unwrap());
    let said = audit(&world, &[&SSO[..], &["--repair", "--queue-url", &queue]].concat()).await;
    said.says(1, &["0 of 1 record(s) of auth0 were sent to the queue, then: queue refused SendMessageBatch"]);
}
