//! Runs every command of the runbooks in a world with dead-lettered messages.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use simulators::auth0::SimulatedUser;
use testkit::{World, unit_binary};
use uuid::Uuid;

/// The branch whose dead-lettered messages the commands use, and its unit.
const BRANCH: &str = "sso-sync-auth0";
const UNIT: &str = "sso-sync";
const USER: &str = "auth0|ada";

/// Commands that report faults. This world has faults on purpose, so their exit code 1 is correct, too.
const QUESTIONS: [&str; 5] =
    ["coppice doctor", "audit ", "fire-drill heartbeat", "fire-drill check-alarms", "coppice dlq plan"];

/// The pages of `docs/runbooks`, each with its commands in order.
fn pages() -> Vec<(String, Vec<String>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbooks"));
    let mut pages: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            let (mut commands, mut inside) = (Vec::new(), false);
            for line in text.lines().map(str::trim) {
                match line {
                    "```sh" => inside = true,
                    "```" => inside = false,
                    command if inside => commands.push(command.to_owned()),
                    _ => {}
                }
            }
            (entry.file_name().to_string_lossy().into_owned(), commands)
        })
        .collect();
    pages.sort();
    pages
}

fn event() -> String {
    json!({
        "version": "0", "id": Uuid::now_v7(), "detail-type": "User changed", "source": "coppice.ingress.auth0",
        "time": "2026-11-24T10:00:00Z", "detail": {"ids": [USER], "change": "changed"},
    })
    .to_string()
}

/// Puts messages into both kinds of DLQ and plans a redrive of each, so that the messages have copies and the plans IDs.
async fn fill_dlqs(world: &World) {
    world.dead_letter_all(UNIT, &[event(), event()]).await.unwrap();
    let bus = &world.topology.bus;
    let rule = format!("arn:aws:events:eu-north-1:000000000000:rule/{bus}/coppice-sso-sync-auth0-ingress");
    world.leave_undelivered(&event(), &[("RULE_ARN", &rule), ("ERROR_CODE", "NO_PERMISSIONS")]).await;
    world.leave_undelivered(&event(), &[]).await;
    for unit in [BRANCH, "undelivered"] {
        world.run_job(unit_binary("coppice"), UNIT, &["dlq", "redrive", unit], &[]).await.says(0, &["plan "]);
    }
}

/// The command with values in place of its words in capitals.
async fn filled_in(world: &World, page: &str, command: &str) -> String {
    let queue = if page.starts_with("undelivered") { "undelivered" } else { BRANCH };
    let action = if command.contains(" drop ") { "drop" } else { "redrive" };
    let plan: Option<Uuid> = sqlx::query_scalar(
        "select plan_id from redrive_plan where queue = $1 and action = $2 order by plan_id desc limit 1",
    )
    .bind(queue)
    .bind(action)
    .fetch_optional(&world.pool)
    .await
    .unwrap();
    let message: Option<String> = sqlx::query_scalar(
        "select message_id from dead_lettered_message where queue = $1 order by resolution is null desc, copied_at limit 1",
    )
    .bind(queue)
    .fetch_optional(&world.pool)
    .await
    .unwrap();
    command
        .replace("MESSAGE_ID", &message.unwrap_or_default())
        .replace("PLAN", &plan.map(|plan| plan.to_string()).unwrap_or_default())
        .replace("BRANCH", BRANCH)
        .replace("UNIT", UNIT)
        .replace("CLASS", "received_too_often")
        .replace("SOURCE", "auth0")
        .replace("RECORD", USER)
        .replace("NAME", "ada")
}

/// The words of a command, as a shell splits them: quotes keep words together.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            character => words.last_mut().unwrap().push(character),
        }
    }
    words
}

#[tokio::test]
async fn every_command_of_every_runbook_runs() {
    let world = World::start_with_emulator().await;
    let _alarms = world.start_queue_metrics();
    world.idp.put_user(SimulatedUser::new(USER));
    let worker = world.start_worker(unit_binary(UNIT), UNIT, &[]).await;
    world.enqueue(UNIT, &event()).await;
    world.person_where(USER, |_| true).await;

    let mut ran = 0;
    for (page, commands) in pages() {
        for command in commands {
            // An earlier command may have redriven or dropped the messages that this one needs.
            if command.starts_with("coppice dlq") && !command.contains("PLAN") {
                fill_dlqs(&world).await;
            }
            if command.starts_with("coppice record gone") {
                let missing = "update source_record set missing_since = now() where external_id = $1";
                sqlx::query(missing).bind(USER).execute(&world.pool).await.unwrap();
            }
            let filled = filled_in(&world, &page, &command).await;
            let words = words(&filled);
            let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let environment = match words[0].as_str() {
                "resync-enqueuer" => "sso-resync",
                _ => UNIT,
            };
            // `fire-drill run` does not drill a unit with messages in its DLQ. Redrive them first.
            if filled.starts_with("fire-drill run") && !filled.contains("--dry-run") {
                let all = ["dlq", "redrive", BRANCH, "--yes", "--canary", "0"];
                world.run_job(unit_binary("coppice"), UNIT, &all, &[]).await.says(0, &[]);
            }
            let said = world.run_job(unit_binary(&words[0]), environment, &arguments, &[]).await;
            let question = QUESTIONS.iter().any(|question| filled.starts_with(question));
            let good = said.code == Some(0) || (question && said.code == Some(1));
            assert!(good, "{page}: {filled}\n{said:?}");
            ran += 1;
        }
    }
    assert!(ran >= 30, "{ran} commands");
    drop(worker);
}
