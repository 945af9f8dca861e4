//! Stored records that were not read for long, and records that are named.

use serde_json::json;
use testkit::World;

use crate::{BINARY, SSO, drain, enqueue, id, known_users, records, users, waiting};

#[tokio::test]
async fn what_was_read_is_not_stale_any_more_although_it_had_not_changed() {
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
async fn records_that_are_named_are_sent() {
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
async fn what_is_missing_or_wrong_is_listed_and_a_queue_that_is_not_there_is_a_failure() {
    let world = World::start().await;
    let run = async |settings: &[(&str, &str)]| world.run_job(BINARY, SSO, &["sso", "stale"], settings).await;
    run(&[("COPPICE_QUEUE_URL", ""), ("COPPICE_AUTH0_URL", "")])
        .await
        .says(2, &["COPPICE_QUEUE_URL", "COPPICE_AUTH0_URL"]);
    let nowhere = format!("{}/000000000000/nowhere", world.aws_endpoint());
    run(&[("COPPICE_QUEUE_URL", &nowhere)]).await.says(1, &["queue (COPPICE_QUEUE_URL)"]);
    world.run_job(BINARY, SSO, &["sso", "stale", "--where", "1=1"], &[]).await.says(2, &["possible values"]);
}
