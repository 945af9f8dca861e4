//! `dlq redrive` loses no message, causes one read for each record, and stops early after a failure.

use std::time::Duration;

use local_stack::wait_until;
use serde_json::json;
use simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, World, unit_binary};
use uuid::Uuid;

use crate::dlq_commands::{coppice, dlq, event, listed};

/// Creates users at the provider, for dead-lettered messages about them.
fn users(world: &World, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|at| format!("auth0|user-{at}")).collect();
    for id in &ids {
        world.idp.put_user(SimulatedUser::new(id));
    }
    ids
}

/// `of_each` events about each user, mixed.
fn events(ids: &[String], of_each: usize) -> Vec<String> {
    (0..of_each).flat_map(|_| ids.iter().map(|id| event(id))).collect()
}

#[tokio::test]
async fn a_redrive_sends_one_message_for_each_record_and_the_worker_reads_every_record() {
    let world = World::start().await;
    let ids = users(&world, 7);
    world.dead_letter_all("sso-sync", &events(&ids, 6)).await.unwrap();
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;

    let planned = dlq(&world, &["redrive", "sso-sync", "--json"]).await.json();
    assert_eq!((&planned["messages"], &planned["to_send"]), (&json!(42), &json!(7)), "{planned}");
    assert_eq!(world.persons().await.unwrap().len(), 0, "a plan changes nothing");
    let plan = planned["plan_id"].as_str().unwrap();
    let done = dlq(&world, &["redrive", "--plan", plan, "--yes", "--rate", "100"]).await;
    done.says(
        0,
        &[
            "7 of 7 message(s) sent: 7 handled, 0 dead-lettered again, 0 not known yet",
            "42 of 42 dead-lettered message(s) deleted",
        ],
    );

    assert_eq!(world.persons().await.unwrap().len(), 7);
    assert!(ids.iter().all(|id| world.idp.requests_for(id) == 1), "the worker reads each record once");
    assert_eq!(listed(&world, "sso-sync").await["messages"], 0);
    dlq(&world, &["redrive", "--plan", plan, "--yes"]).await.says(0, &["7 of 7 message(s) sent: 7 handled"]);
    assert!(ids.iter().all(|id| world.idp.requests_for(id) == 1), "a completed plan sends nothing");
    drop(worker);
}

#[tokio::test]
async fn a_canary_that_is_dead_lettered_again_stops_the_redrive() {
    let world = World::start().await;
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let ids = users(&world, 9);
    let (witness, ids) = ids.split_at(1);
    // A user who can be read is the witness against those who are refused.
    world.enqueue_all("sso-sync", &events(witness, 1)).await.unwrap();
    world.person_where(&witness[0], |_| true).await;
    for id in ids {
        world.idp.set_status(id, Some(422));
    }
    world.dead_letter_all("sso-sync", &events(ids, 1)).await.unwrap();

    let stopped = dlq(&world, &["redrive", "sso-sync", "--yes", "--canary", "3"]).await;
    stopped.says(4, &["the canary failed: ", "nothing more was sent", "--canary 0"]);
    let sent: i64 =
        sqlx::query_scalar("select count(sent_at) from redrive_item").fetch_one(&world.pool).await.unwrap();
    assert_eq!(sent, 3);
    let dead = listed(&world, "sso-sync").await;
    assert_eq!(dead["messages"], 8, "three of them new: {dead}");
    let again: i64 =
        dead["groups"].as_array().unwrap().iter().map(|one| one["redriven_before"].as_i64().unwrap()).sum();
    assert_eq!(again, 3, "the list counts them as redriven before: {dead}");

    for id in ids {
        world.idp.set_status(id, None);
    }
    dlq(&world, &["redrive", "sso-sync", "--yes", "--rate", "100"])
        .await
        .says(0, &["8 handled, 0 dead-lettered again"]);
    assert_eq!(world.persons().await.unwrap().len(), 9);
    drop(worker);
}

#[tokio::test]
async fn a_canary_that_is_not_handled_stops_the_redrive() {
    let world = World::start().await;
    let ids = users(&world, 3);
    world.dead_letter_all("sso-sync", &events(&ids, 1)).await.unwrap();
    let stopped = dlq(&world, &["redrive", "sso-sync", "--yes", "--canary", "1", "--wait-secs", "1"]).await;
    stopped.says(4, &["0 of 1 canary message(s) were handled within 1 s", "Check that sso-sync-auth0 runs"]);
    assert_eq!(world.queue_depth("sso-sync").await.0, 1);
    assert_eq!(
        listed(&world, "sso-sync").await["messages"],
        2,
        "the canary left the DLQ: it is in the queue"
    );
}

#[tokio::test]
async fn a_plan_excludes_messages_that_are_dead_lettered_later() {
    let world = World::start().await;
    let ids = users(&world, 4);
    world.dead_letter_all("sso-sync", &events(&ids[..2], 2)).await.unwrap();
    let planned = dlq(&world, &["redrive", "sso-sync", "--json"]).await.json();
    world.dead_letter_all("sso-sync", &events(&ids, 1)).await.unwrap();
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let plan = planned["plan_id"].as_str().unwrap();
    dlq(&world, &["redrive", "--plan", plan, "--yes"])
        .await
        .says(0, &["4 of 4 dead-lettered message(s) deleted"]);
    let left = listed(&world, "sso-sync").await;
    assert_eq!(
        (&left["messages"], &left["messages_read"]),
        (&json!(4), &json!(4)),
        "visible again at once: {left}"
    );
    assert_eq!(world.persons().await.unwrap().len(), 2);
    drop(worker);
}

#[tokio::test]
async fn options_select_messages_by_reason_record_type_and_age() {
    let world = World::start().await;
    world
        .dead_letter_all(
            "sso-sync",
            &[event("auth0|a"), event("auth0|a"), event("auth0|b"), String::from("rubbish")],
        )
        .await
        .unwrap();
    for (chosen, messages) in [
        (&["--id", "auth0|a"][..], 2),
        (&["--class", "received_too_often"], 4),
        (&["--class", "unreadable"], 0),
        (&["--class", "unreadable", "--class", "received_too_often"], 4),
        (&["--type", "User changed"], 3),
        (&["--older-than", "1h"], 0),
        (&["--newer-than", "1h", "--id", "auth0|b"], 1),
        (&["--worker-version", "9.9"], 0),
    ] {
        let planned = dlq(&world, &[&["redrive", "sso-sync", "--json"], chosen].concat()).await;
        assert_eq!(planned.json()["messages"], messages, "{chosen:?}");
    }
    let plan = Uuid::now_v7().to_string();
    let narrowed = dlq(&world, &["redrive", "--plan", &plan, "--id", "auth0|a", "--yes"]).await;
    narrowed.says(2, &["cannot be used with"]);
    dlq(&world, &["redrive", "sso-sync", "--older-than", "soon"]).await.says(2, &["for example 12h"]);
    dlq(&world, &["plan", "1"]).await.says(2, &["not a plan's ID (a UUID)"]);
}

#[tokio::test]
async fn a_redrive_sends_an_undelivered_event_to_the_queue_of_its_rule() {
    let world = World::start_with_emulator().await;
    world.idp.put_user(SimulatedUser::new("auth0|ada"));
    let whole = json!({
        "version": "0", "id": "9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa", "detail-type": "user.updated",
        "source": "aws.partner/auth0.com/coppice-sim-5e0b7c1a-92d4-4f0e-8a36-1b7d20c9e4f3/auth0.events", "account": "000000000000", "region": "eu-north-1",
        "time": "2026-11-24T10:00:00Z", "resources": [],
        "detail": {"id": "evt_1", "type": "user.updated", "time": "2026-11-24T10:00:00Z", "specversion": "1.0",
            "data": {"object": {"user_id": "auth0|ada", "updated_at": "2020-01-01T10:00:00Z", "email": "pii-marker@example.org"}}},
    })
    .to_string();
    let bus = &world.topology.bus;
    let rule = format!("arn:aws:events:eu-north-1:000000000000:rule/{bus}/coppice-sso-sync-auth0-stream");
    world
        .leave_undelivered(
            &whole,
            &[("RULE_ARN", &rule), ("ERROR_CODE", "NO_PERMISSIONS"), ("RETRY_ATTEMPTS", "0")],
        )
        .await;
    world.leave_undelivered(&whole.replace("auth0.com", "unheard-of.com"), &[]).await;

    let all = dlq(&world, &["list", "undelivered"]).await;
    all.says(
        0,
        &["  1         no_permissions    user.updated", "  1         without_consumer  user.updated"],
    );
    assert!(!all.out.contains("pii-marker"));
    let redriven =
        dlq(&world, &["redrive", "undelivered", "--yes", "--canary", "0", "--wait-secs", "1"]).await;
    redriven.says(1, &["SQS refuses 1 message(s), or no rule matches them: they stay in the DLQ"]);
    assert_eq!(world.queue_depth("sso-sync").await.0, 1, "only the queue of the rule has the event");
    assert_eq!(world.queue_depth("app-login").await.0, 0);
    assert_eq!(listed(&world, "undelivered").await["messages"], 1);

    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    world.person_where("auth0|ada", |_| true).await;
    drop(worker);
    dlq(&world, &["move-all", "undelivered", "--yes"])
        .await
        .says(2, &["use `coppice dlq redrive undelivered`"]);
}

/// The test takes the lock as another process does, so that the order does not depend on chance.
#[tokio::test]
async fn a_redrive_sends_and_deletes_nothing_while_another_process_has_the_lock() {
    let world = World::start().await;
    let ids = users(&world, 1);
    world.dead_letter_all("sso-sync", &events(&ids, 2)).await.unwrap();
    let mut other = world.pool.acquire().await.unwrap();
    let lock = "select pg_advisory_lock(hashtext('redrive'), hashtext('sso-sync-auth0'))";
    sqlx::query(lock).execute(&mut *other).await.unwrap();
    dlq(&world, &["redrive", "sso-sync", "--yes"]).await.says(4, &["another process redrives or drops"]);
    assert_eq!(world.queue_depth("sso-sync").await, (0, 0), "nothing was sent");
    assert_eq!(world.dead_letters("sso-sync", 2).await.len(), 2);
    let author = ["--author", "night@example", "--reason", "tried"];
    dlq(&world, &[&["drop", "sso-sync", "--yes"], &author[..]].concat()).await.says(4, &["another process"]);
    assert_eq!(world.dead_letters("sso-sync", 2).await.len(), 2);
}

#[tokio::test]
async fn a_redrive_deletes_no_message_that_the_queue_refuses() {
    let world = World::start().await;
    let ids = users(&world, 3);
    world.dead_letter_all("sso-sync", &events(&ids, 2)).await.unwrap();
    let planned = dlq(&world, &["redrive", "sso-sync", "--json"]).await.json();
    let again = ["redrive", "--plan", planned["plan_id"].as_str().unwrap(), "--yes", "--canary", "0"];
    let denied = r#"{"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "not you"}"#;
    world.proxy.answer("SendMessageBatch", 1, 403, denied);
    dlq(&world, &again).await.says(1, &["AccessDenied"]);
    assert_eq!(world.dead_letters("sso-sync", 6).await.len(), 6);

    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    dlq(&world, &again).await.says(0, &["3 handled", "6 of 6 dead-lettered message(s) deleted"]);
    drop(worker);
}

/// Messages in SQS expire, and a run can be killed after it deletes a message and before it records the deletion.
#[tokio::test]
async fn hidden_messages_keep_a_plan_open_and_expired_ones_do_not() {
    let world = World::start_with_emulator().await;
    let ids = users(&world, 3);
    world.dead_letter_all("sso-sync", &events(&ids, 2)).await.unwrap();
    let redrive = dlq(&world, &["redrive", "sso-sync", "--json"]).await.json();
    let dead = world.topology.dlq_url("sso-sync").unwrap().to_owned();
    let sqs = aws_sdk_sqs::Client::new(&local_stack::aws_config(world.aws_endpoint()));
    let taken = sqs.receive_message().queue_url(&dead).max_number_of_messages(2).visibility_timeout(600);
    let hidden = taken.send().await.unwrap().messages.unwrap();
    assert!(!hidden.is_empty());

    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let plan = redrive["plan_id"].as_str().unwrap();
    let again = ["redrive", "--plan", plan, "--yes"];
    dlq(&world, &again).await.says(1, &["3 handled", "still in the DLQ, or another reader hides them"]);
    for message in hidden {
        sqs.delete_message()
            .queue_url(&dead)
            .receipt_handle(message.receipt_handle.unwrap())
            .send()
            .await
            .unwrap();
    }
    dlq(&world, &again).await.says(0, &["6 of 6 dead-lettered message(s) deleted"]);

    world.dead_letter_all("sso-sync", &[String::from("rubbish")]).await.unwrap();
    let author = ["--author", "night@example", "--reason", "no event", "--json"];
    let planned = dlq(&world, &[&["drop", "sso-sync"], &author[..]].concat()).await.json();
    let taken = sqs.receive_message().queue_url(&dead).visibility_timeout(600).send().await.unwrap();
    let message = taken.messages.unwrap().remove(0);
    let message_id = message.message_id.clone().unwrap();
    dlq(&world, &["show", "sso-sync", &message_id]).await.says(0, &["not in the DLQ", "This is its copy"]);
    sqs.delete_message()
        .queue_url(&dead)
        .receipt_handle(message.receipt_handle.unwrap())
        .send()
        .await
        .unwrap();
    let dropping = ["drop", "--plan", planned["plan_id"].as_str().unwrap(), "--yes"];
    dlq(&world, &dropping).await.says(0, &["1 of 1 dead-lettered message(s) deleted"]);
    dlq(&world, &["show", "sso-sync", &message_id]).await.says(0, &["no longer in the DLQ: dropped at"]);
    drop(worker);
}

#[tokio::test]
async fn the_next_run_resumes_a_redrive_that_was_stopped_or_has_a_maximum() {
    let world = World::start().await;
    let ids = users(&world, 30);
    world.dead_letter_all("sso-sync", &events(&ids, 1)).await.unwrap();
    let planned = dlq(&world, &["redrive", "sso-sync", "--json"]).await.json();
    let plan = planned["plan_id"].as_str().unwrap();
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let most = dlq(&world, &["redrive", "--plan", plan, "--yes", "--rate", "100", "--max", "8"]).await;
    most.says(0, &["8 of 30 message(s) sent: 8 handled", "8 of 30 dead-lettered message(s) deleted"]);

    let slowly = ["dlq", "redrive", "--plan", plan, "--yes", "--rate", "2", "--canary", "0"];
    let running = world.start_job(coppice(), "sso-sync", &slowly, &[]);
    let sent = async || -> i64 {
        sqlx::query_scalar("select count(sent_at) from redrive_item").fetch_one(&world.pool).await.unwrap()
    };
    wait_until(PATIENCE, "the run to send more messages", async || Ok((sent().await > 10).then_some(())))
        .await
        .unwrap();
    running.terminate();
    let stopped = running.end().await;
    stopped.says(5, &["stopped; resume with: coppice dlq redrive --plan"]);
    let deleted: i64 = sqlx::query_scalar("select count(deleted_at) from redrive_message")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let sent_so_far = sent().await;
    assert!(
        sent_so_far < 30 && deleted == sent_so_far,
        "{deleted} of {sent_so_far} sent messages are deleted"
    );
    // The rate is two messages a second: the run sends two, and a second later the next two. The first run sent 8.
    let pauses = "select min(pause)::float8 from (
                      select extract(epoch from sent_at - lag(sent_at) over (order by sent_at)) as pause
                      from (select distinct sent_at from redrive_item where position > 8) batch) between_batches";
    let shortest: f64 = sqlx::query_scalar(pauses).fetch_one(&world.pool).await.unwrap();
    assert!(shortest > 0.9, "{shortest} s between two batches");
    dlq(&world, &["redrive", "--plan", plan, "--yes", "--rate", "100"]).await.says(0, &["30 handled"]);
    assert!(ids.iter().all(|id| world.idp.requests_for(id) == 1), "the worker reads each record once");
    drop(worker);
}

/// The first messages of the DLQ match no rule. The canary is the first message that matches one.
#[tokio::test]
async fn events_that_no_rule_matches_do_not_block_the_canary() {
    let world = World::start_with_emulator().await;
    world.idp.put_user(SimulatedUser::new("auth0|ada"));
    for _ in 0..60 {
        let unmatched = event("x").replace("coppice.ingress.auth0", "coppice.ingress.unheard-of");
        world.leave_undelivered(&unmatched, &[]).await;
    }
    world.leave_undelivered(&event("auth0|ada"), &[]).await;
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let said = dlq(&world, &["redrive", "undelivered", "--yes", "--rate", "100", "--wait-secs", "60"]).await;
    said.says(1, &["SQS refuses 60 message(s), or no rule matches them: they stay in the DLQ"]);
    world.person_where("auth0|ada", |_| true).await;
    assert_eq!(listed(&world, "undelivered").await["messages"], 60);
    drop(worker);
}

/// No message is lost if a run is killed at any point, even while another run tries to start.
#[tokio::test]
async fn repeated_kills_and_concurrent_runs_of_a_redrive_lose_no_message() {
    redrive_under_fire(1_500).await;
}

/// The same test with a large queue: `cargo nextest run -p coppice --run-ignored only`.
#[tokio::test]
#[ignore = "takes minutes: the emulator slows down with a queue's depth"]
async fn repeated_kills_of_a_redrive_of_ten_thousand_messages_lose_no_message() {
    redrive_under_fire(10_000).await;
}

async fn redrive_under_fire(message_count: usize) {
    const PERSONS: usize = 300;
    const KILLS: usize = 6;
    const RATE: f64 = 60.0;
    let world = World::start().await;
    let ids = users(&world, PERSONS);
    let all = events(&ids, message_count.div_ceil(PERSONS));
    world.dead_letter_all("sso-sync", &all[..message_count]).await.unwrap();
    let planned = dlq(&world, &["redrive", "sso-sync", "--json"]).await.json();
    assert_eq!((&planned["messages"], &planned["to_send"]), (&json!(message_count), &json!(PERSONS)));
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let plan = planned["plan_id"].as_str().unwrap().to_owned();
    let arguments = ["dlq", "redrive", "--plan", &plan, "--yes", "--rate", "60", "--wait-secs", "60"];

    for kill in 0..KILLS {
        let running = world.start_job(coppice(), "sso-sync", &arguments, &[]);
        let (sent, deleted) = (PERSONS * kill / KILLS, message_count * kill / KILLS / 4);
        wait_until(PATIENCE, "the run to send or delete more", async || {
            let (now_sent, now_deleted): (i64, i64) = sqlx::query_as(
                "select (select count(sent_at) from redrive_item), (select count(deleted_at) from redrive_message)",
            )
            .fetch_one(&world.pool)
            .await?;
            Ok((now_sent as usize > sent || now_deleted as usize > deleted).then_some(()))
        })
        .await
        .unwrap();
        let beside = world.run_job(coppice(), "sso-sync", &arguments, &[]).await;
        if beside.code != Some(0) {
            beside.says(4, &["another process redrives or drops messages of sso-sync"]);
        }
        running.kill();
        running.end().await;
    }
    // Postgres releases the lock of the last killed run when it notices the closed connection. A message that this run hid
    // becomes visible after its visibility timeout.
    wait_until(Duration::from_secs(240), "the plan to be completed", async || {
        Ok((world.run_job(coppice(), "sso-sync", &arguments, &[]).await.code == Some(0)).then_some(()))
    })
    .await
    .unwrap();

    assert_eq!(world.persons().await.unwrap().len(), PERSONS);
    let reads: Vec<usize> = ids.iter().map(|id| world.idp.requests_for(id)).collect();
    assert!(reads.iter().all(|reads| (1..=2).contains(reads)), "{reads:?}");
    assert_eq!(listed(&world, "sso-sync").await["messages"], 0);
    let (sent, seconds): (i64, f64) = sqlx::query_as(
        "select count(*), extract(epoch from max(sent_at) - min(sent_at))::float8 from redrive_item",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    // Each run may start with one whole batch.
    let most = RATE * seconds + 10.0 * (KILLS + 2) as f64;
    assert!(sent as f64 <= most, "{sent} in {seconds} s");
    drop(worker);
}
