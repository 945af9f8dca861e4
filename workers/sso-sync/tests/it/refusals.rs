//! What the worker does not take: poison, and a world that is not ready for it.

use testkit::{PATIENCE, World};

use crate::{BINARY, UNIT, start};

#[tokio::test]
async fn poison_is_in_the_dead_letters_with_its_reason_on_first_sight() {
    let world = World::start().await;
    let _worker = start(&world, &[]).await;
    let poison = r#"{"detail-type": "mara.quill@example.org"#;
    world.enqueue(UNIT, poison).await;
    let letter = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(letter.body, poison, "nothing is lost");
    assert_eq!(letter.attributes["coppice.class"], "unreadable");
    assert_eq!(
        letter.attributes["coppice.detail"],
        "not an EventBridge event: eof error at line 1 column 39"
    );
    assert_eq!(letter.attributes["coppice.worker"], UNIT);
    assert_eq!(letter.attributes["coppice.worker_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(letter.attributes["coppice.receive_count"], "1");
    world.settled(UNIT).await;
}

#[tokio::test]
async fn an_event_of_another_system_is_refused_and_one_that_names_nobody_is_done() {
    let world = World::start().await;
    let worker = start(&world, &[]).await;
    let event = |source: &str, detail: &str| {
        format!(
            r#"{{"id":"9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa","detail-type":"x","source":"{source}",
               "time":"2026-11-20T15:10:42Z","detail":{detail}}}"#
        )
    };
    world.enqueue(UNIT, &event("aws.partner/salesforce.com/x/y", "{}")).await;
    let letter = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(letter.attributes["coppice.detail"], "event is not from auth0");
    world
        .enqueue(UNIT, &event("aws.partner/auth0.com/x/auth0.events", r#"{"type":"organization.created"}"#))
        .await;
    let ignored =
        async || Ok((worker.metric("coppice_messages_settled_total", "ignored").await > 0.0).then_some(()));
    local_stack::wait_until(PATIENCE, "the event to be done with", ignored).await.unwrap();
    world.settled(UNIT).await;
}

#[tokio::test]
async fn without_its_bus_it_does_not_start() {
    let world = World::start().await;
    let mut worker = world.spawn_worker(BINARY, UNIT, &[("COPPICE_BUS_NAME", "elsewhere")]);
    assert_eq!(worker.exit_code().await, Some(1));
    assert!(worker.log().contains("event bus (COPPICE_BUS_NAME): no bus elsewhere"), "{}", worker.log());
}

#[tokio::test]
async fn on_an_older_schema_it_does_not_start() {
    let world = World::start().await;
    let newest = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::query(newest).execute(&world.pool).await.unwrap();
    let mut worker = world.spawn_worker(BINARY, UNIT, &[]);
    assert_eq!(worker.exit_code().await, Some(1));
    assert!(worker.log().contains("run the migrate job first"), "{}", worker.log());
}

#[tokio::test]
async fn settings_that_are_missing_or_wrong_are_all_listed_at_once() {
    let world = World::start().await;
    let faults = [
        ("DATABASE_URL", ""),
        ("COPPICE_QUEUE_URL", ""),
        ("COPPICE_MAX_IN_FLIGHT", "3"),
        ("COPPICE_AUTH0_URL", "hunter2"),
        ("COPPICE_AUTH0_CLIENT_SECRET", ""),
    ];
    let mut worker = world.spawn_worker(BINARY, UNIT, &faults);
    assert_eq!(worker.exit_code().await, Some(2));
    let log = worker.log();
    assert!(log.starts_with("sso-sync: 5 setting(s) missing or wrong:"), "{log}");
    for (name, _) in faults {
        assert!(log.contains(name), "{name} in {log}");
    }
    assert!(!log.contains("hunter2"), "a value may be a secret");
}
