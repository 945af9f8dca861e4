//! Poison messages that the worker refuses, and dependencies and settings with which it does not start.

use testkit::{PATIENCE, World};

use crate::{BINARY, UNIT, start};

#[tokio::test]
async fn poison_is_dead_lettered_with_its_reason_on_the_first_receive() {
    let world = World::start().await;
    let _worker = start(&world, &[]).await;
    let poison = r#"{"detail-type": "mara.quill@example.org"#;
    world.enqueue(UNIT, poison).await;
    let message = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(message.body, poison, "nothing is lost");
    assert_eq!(message.attributes["coppice.class"], "unreadable");
    assert_eq!(
        message.attributes["coppice.detail"],
        "not an EventBridge event: eof error at line 1 column 39"
    );
    assert_eq!(message.attributes["coppice.worker"], UNIT);
    assert_eq!(message.attributes["coppice.worker_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(message.attributes["coppice.receive_count"], "1");
    world.settled(UNIT).await;
}

#[tokio::test]
async fn the_worker_refuses_an_event_of_another_source_and_deletes_one_that_names_no_user() {
    let world = World::start().await;
    let worker = start(&world, &[]).await;
    let event = |source: &str, detail: &str| {
        format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"{source}",
               "time":"2026-11-20T15:10:42Z","detail":{detail}}}"#
        )
    };
    world.enqueue(UNIT, &event("aws.partner/salesforce.com/x/y", "{}")).await;
    let message = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(message.attributes["coppice.detail"], "event is not from auth0");
    world
        .enqueue(
            UNIT,
            &event(
                "aws.partner/auth0.com/coppice-sim-5e0b7c1a-92d4-4f0e-8a36-1b7d20c9e4f3/auth0.events",
                r#"{"type":"organization.created"}"#,
            ),
        )
        .await;
    let ignored =
        async || Ok((worker.metric("coppice_messages_settled_total", "ignored").await > 0.0).then_some(()));
    local_stack::wait_until(PATIENCE, "the worker to delete the message", ignored).await.unwrap();
    world.settled(UNIT).await;
}

#[tokio::test]
async fn the_worker_does_not_start_without_its_bus() {
    let world = World::start().await;
    let mut worker = world.spawn_worker(BINARY, UNIT, &[("COPPICE_BUS_NAME", "elsewhere")]);
    assert_eq!(worker.exit_code().await, Some(1));
    assert!(worker.log().contains("event bus (COPPICE_BUS_NAME): no bus elsewhere"), "{}", worker.log());
}

#[tokio::test]
async fn the_worker_does_not_start_with_an_older_schema() {
    let world = World::start().await;
    let newest = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(newest).execute(&world.pool).await.unwrap();
    let mut worker = world.spawn_worker(BINARY, UNIT, &[]);
    assert_eq!(worker.exit_code().await, Some(1));
    assert!(worker.log().contains("run the migrate job first"), "{}", worker.log());
}

#[tokio::test]
async fn the_worker_lists_all_missing_and_wrong_settings_at_once() {
    let world = World::start().await;
    let faults = [
        ("DATABASE_URL", ""),
        ("COPPICE_QUEUE_URL", ""),
        ("COPPICE_MAX_IN_FLIGHT", "3"),
        ("sources.auth0.url", "hunter2"),
        ("sources.auth0.client_secret", "hunter3"),
    ];
    let mut worker = world.spawn_worker(BINARY, UNIT, &faults);
    assert_eq!(worker.exit_code().await, Some(2));
    let log = worker.log();
    assert!(log.starts_with("sso-sync: 4 setting(s) missing or wrong:"), "{log}");
    for (name, _) in faults {
        assert!(log.contains(name), "{name} in {log}");
    }
    assert!(!log.contains("hunter"), "a value may be a secret");
}
