//! `stale`: records that no unit has read for long. `ids`: records that the operator names.

use serde_json::json;
use testkit::World;

use crate::{BINARY, SSO, drain, enqueue, id, known_users, records, users, waiting};

#[tokio::test]
async fn a_read_makes_a_record_fresh_even_if_it_has_not_changed() {
    let world = World::start().await;
    known_users(&world, 20).await;
    let old = "update source_record set read_at = now() - interval '30 days' where external_id < $1";
    sqlx::query(old).bind(id(12)).execute(&world.pool).await.unwrap();
    let stale = async |arguments: &[&str]| {
        let said = enqueue(&world, &[&["stale", "--older-than", "7d"], arguments].concat()).await;
        said.says(0, &[]);
        said.json()["sent"].as_i64().unwrap()
    };
    assert_eq!(stale(&["--limit", "5"]).await, 5);
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(stale(&["--where", "gone"]).await, 0);
    assert_eq!(stale(&[]).await, 7);
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!((stale(&[]).await, waiting(&world, SSO).await), (0, 0));
}

#[tokio::test]
async fn the_enqueuer_sends_the_named_records() {
    let world = World::start().await;
    users(&world, 3);
    let (first, second) = (id(0), id(1));
    let said = enqueue(&world, &["ids", &first, &second, &first]).await;
    said.says(0, &[]);
    assert_eq!(said.json()["sent"], json!(2));
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(records(&world, "gone_at is null").await, 2);
}

#[tokio::test]
async fn the_enqueuer_lists_wrong_settings_and_fails_without_its_queue() {
    let world = World::start().await;
    let run =
        async |settings: &[(&str, &str)]| world.run_job(BINARY, SSO, &["auth0", "stale"], settings).await;
    run(&[("COPPICE_QUEUE_URL", ""), ("sources.auth0.url", "")])
        .await
        .says(2, &["COPPICE_QUEUE_URL", "sources.auth0.url: is missing"]);
    let nowhere = format!("{}/000000000000/nowhere", world.aws_endpoint());
    run(&[("COPPICE_QUEUE_URL", &nowhere)]).await.says(1, &["queue (COPPICE_QUEUE_URL)"]);
    world
        .run_job(BINARY, SSO, &["auth0", "stale", "--where", "1=1"], &[])
        .await
        .says(2, &["possible values"]);
}
