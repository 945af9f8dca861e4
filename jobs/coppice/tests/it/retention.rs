//! `coppice retention`.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn rows_that_are_too_old_are_deleted_and_the_report_says_how_many() {
    let world = World::start().await;
    let rows = "insert into message_failure (queue, message_id, failed_at, class, detail, worker_version) \
                values ('q', 'old', now() - interval '91 days', 'x', '', '1'), ('q', 'new', now(), 'x', '', '1')";
    sqlx::raw_sql(rows).execute(&world.pool).await.unwrap();
    world
        .run(&["retention", "--dry-run"])
        .says(&["message_failure: would delete 1 row(s) older than 90 days", "nothing was deleted"]);
    world.run(&["retention"]).says(&[
        "message_failure: deleted 1 row(s) older than 90 days",
        "heartbeat: deleted 0 row(s) older than 7 days",
    ]);
    let again = world.run(&["retention", "--message-failures-days", "30", "--json"]).json();
    let failures = again.as_array().unwrap().iter().find(|row| row["table"] == "message_failure").unwrap();
    assert_eq!(
        *failures,
        json!({"table": "message_failure", "older_than_days": 30, "rows": 0, "dry_run": false})
    );
    let short = world.run(&["retention", "--dead-lettered-messages-days", "13"]);
    assert_eq!(short.code, 2, "a copy must outlive the message: {}", short.err);
}
