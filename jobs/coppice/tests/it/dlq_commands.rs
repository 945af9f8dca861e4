//! `dlq list`, `dlq show` and `dlq drop` with a real worker, emulator and database.

use serde_json::{Value, json};
use simulators::auth0::SimulatedUser;
use testkit::{OPERATORS_TOOL, Said, World, unit_binary};

/// The binary, built together with the workers. A separate build could replace it while another test runs it.
pub(crate) fn coppice() -> &'static str {
    unit_binary(OPERATORS_TOOL)
}

/// An event that names one user.
pub(crate) fn event(id: &str) -> String {
    let event = json!({
        "version": "0", "id": uuid::Uuid::now_v7(), "detail-type": "User changed", "source": "coppice.ingress.auth0",
        "time": "2026-11-24T10:00:00Z", "detail": {"ids": [id], "change": "changed"},
    });
    event.to_string()
}

/// Runs the command in a unit's environment, so that it has the settings of the unit's provider.
pub(crate) async fn dlq(world: &World, arguments: &[&str]) -> Said {
    let arguments: Vec<&str> = ["dlq"].iter().chain(arguments).copied().collect();
    world.run_job(coppice(), "sso-sync", &arguments, &[]).await
}

/// The entry of a unit in `dlq list --json`.
pub(crate) async fn listed(world: &World, unit: &str) -> Value {
    let listed = dlq(world, &["list", unit, "--json"]).await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    listed.json()[0].clone()
}

#[tokio::test]
async fn dlq_list_counts_the_messages_of_every_dlq_by_class_and_removes_none() {
    let world = World::start().await;
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    world.enqueue("sso-sync", "not an event").await;
    world.dead_letters("sso-sync", 1).await;
    drop(worker);
    world.dead_letter_all("sso-sync", &[event("auth0|a"), event("auth0|a"), event("auth0|b")]).await.unwrap();

    dlq(&world, &["list"]).await.says(
        0,
        &[
            "sso-sync-auth0: 4 message(s), oldest",
            "the first expires in 13 d",
            "  messages  class               event type          worker version  records  redriven before\n",
            "  3         received_too_often  User changed        no worker       2        0\n",
            "  1         unreadable          event type unknown  0.1.0           0        0\n",
            "crm-sync-salesforce: no messages",
            "undelivered: no messages",
        ],
    );
    let again = listed(&world, "sso-sync").await;
    assert_eq!(
        (&again["messages"], &again["messages_read"]),
        (&json!(4), &json!(4)),
        "the messages are still in the DLQ"
    );
    dlq(&world, &["list", "no-unit"]).await.says(3, &["no DLQ is \"no-unit\"'s alone", "sso-sync-auth0"]);
}

/// Its role may not read the queues of another stack in the same account.
#[tokio::test]
async fn dlq_list_leaves_out_the_queues_of_a_stack_whose_name_begins_with_the_same() {
    let world = World::start_with_emulator().await;
    let sqs = aws_sdk_sqs::Client::new(&local_stack::aws_config(world.aws_endpoint()));
    for name in ["coppice-prod-sso-sync-dlq", "coppice-prod-undelivered", "coppice-2-dlq"] {
        sqs.create_queue().queue_name(name).send().await.unwrap();
    }
    let listed = dlq(&world, &["list", "--json"]).await.json();
    let units: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["unit"].as_str().unwrap()).collect();
    assert!(units.contains(&"sso-sync-auth0") && units.contains(&"undelivered"), "{units:?}");
    assert!(units.iter().all(|unit| !unit.starts_with("prod-") && *unit != "2"), "{units:?}");
}

#[tokio::test]
async fn dlq_list_without_any_queue_names_the_setting_to_check() {
    let world = World::start().await;
    let elsewhere = [("COPPICE_BUS_NAME", "nowhere")];
    let listed = world.run_job(coppice(), "sso-sync", &["dlq", "list"], &elsewhere).await;
    listed.says(3, &["\"nowhere-\"", "COPPICE_BUS_NAME"]);
}

#[tokio::test]
async fn dlq_show_prints_the_attempts_and_the_record_here_and_at_the_provider() {
    let world = World::start().await;
    let worker = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    // A user who can be read is the witness.
    world.idp.put_user(SimulatedUser::new("auth0|bob"));
    world.enqueue("sso-sync", &event("auth0|bob")).await;
    world.person_where("auth0|bob", |_| true).await;
    world.idp.put_user(SimulatedUser::new("auth0|ada"));
    world.idp.set_status("auth0|ada", Some(422));
    world.enqueue("sso-sync", &event("auth0|ada")).await;
    let messages = world.dead_letters("sso-sync", 1).await;
    world.idp.set_status("auth0|ada", None);

    let original = &messages[0].attributes["coppice.message_id"];
    let shown = dlq(&world, &["show", "sso-sync", original]).await;
    shown.says(
        0,
        &[
            original,
            "why       provider_refused",
            "worker    version 0.1.0, 2 attempt(s)",
            "provider_refused: provider refuses the request with status 422",
            "another record went the same way meanwhile",
            "record    auth0 auth0|ada, not linked",
            "here:  never read",
            "there: there, version",
            "never read: a redrive would read it",
            "User changed from coppice.ingress.auth0",
        ],
    );
    assert!(!shown.out.contains("members.example.org"), "{shown:?}");

    world.enqueue("sso-sync", &event("auth0|ada")).await;
    world.person_where("auth0|ada", |_| true).await;
    dlq(&world, &["show", "sso-sync", original]).await.says(0, &["up to date: a redrive changes nothing"]);
    world.idp.update("auth0|ada", |user| user.blocked = Some(true));
    dlq(&world, &["show", "sso-sync", original]).await.says(0, &["out of date: a redrive would read it"]);

    let without = [("COPPICE_SECRET_AUTH0_CLIENT_SECRET", "")];
    let shown = world.run_job(coppice(), "sso-sync", &["dlq", "show", "sso-sync", original], &without).await;
    shown.says(0, &["not asked: settings are missing or wrong: COPPICE_SECRET_AUTH0_CLIENT_SECRET"]);
    dlq(&world, &["show", "sso-sync", "nothing"]).await.says(3, &["no dead-lettered message \"nothing\""]);
    drop(worker);
}

#[tokio::test]
async fn dlq_show_prints_the_copy_of_a_dropped_message() {
    let world = World::start().await;
    world
        .dead_letter_all("sso-sync", &[event("auth0|a"), event("auth0|b"), String::from("rubbish")])
        .await
        .unwrap();
    let drop =
        ["drop", "sso-sync", "--id", "auth0|b", "--author", "night@example", "--reason", "a test user"];
    dlq(&world, &drop).await.says(
        0,
        &["drop 1 dead-lettered message(s) of sso-sync-auth0", "2 other message(s) stay in the DLQ", "--yes"],
    );
    assert_eq!(listed(&world, "sso-sync").await["messages"], 3, "a plan changes nothing");

    let dropped = dlq(&world, &[&drop[..], &["--yes"]].concat()).await;
    dropped.says(0, &["1 of 1 dead-lettered message(s) deleted"]);
    assert_eq!(listed(&world, "sso-sync").await["messages"], 2);
    let kept: Vec<(String, String, String)> = sqlx::query_as(
        "select message_id, body, resolution from dead_lettered_message where resolution is not null",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!((kept.len(), kept[0].2.as_str()), (1, "dropped"));
    assert!(kept[0].1.contains("auth0|b"));
    dlq(&world, &["show", "sso-sync", &kept[0].0]).await.says(0, &["no longer in the DLQ: dropped at"]);
    let nameless = dlq(&world, &["drop", "sso-sync", "--yes"]).await;
    assert_eq!(nameless.code, Some(2), "a drop needs an author and a reason: {nameless:?}");
}
