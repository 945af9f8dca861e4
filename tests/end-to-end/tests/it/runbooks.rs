//! The runbooks are true: every command in them is run, in a world in which something is dead.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use testkit::simulators::auth0::SimulatedUser;
use testkit::{World, unit_binary};
use uuid::Uuid;

/// Whose dead letters the pages are tried on.
const UNIT: &str = "sso-sync";
const USER: &str = "auth0|ada";

/// The commands that ask whether something is well: in a world that is on purpose not all well, no is a good answer.
const QUESTIONS: [&str; 5] =
    ["coppice doctor", "audit ", "fire-drill heartbeat", "fire-drill check-alarms", "coppice dlq plan"];

/// Reads `docs/runbooks`, and answers each page with its commands in order.
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

/// Something dead of every kind, with copies, so that it has names.
async fn something_is_dead(world: &World) {
    world.dead_letter_all(UNIT, &[event(), event()]).await.unwrap();
    let bus = &world.topology.bus;
    let rule = format!("arn:aws:events:eu-north-1:000000000000:rule/{bus}/coppice-sso-sync-ingress");
    world.leave_undelivered(&event(), &[("RULE_ARN", &rule), ("ERROR_CODE", "NO_PERMISSIONS")]).await;
    world.leave_undelivered(&event(), &[]).await;
    for unit in [UNIT, "undelivered"] {
        world.run_job(unit_binary("coppice"), UNIT, &["dlq", "redrive", unit], &[]).await.says(0, &["plan "]);
    }
}

/// The command with its words in capitals filled in.
async fn filled_in(world: &World, page: &str, command: &str) -> String {
    let queue = if page.starts_with("undelivered") { "undelivered" } else { UNIT };
    let action = if command.contains(" drop ") { "drop" } else { "redrive" };
    let plan: Option<Uuid> = sqlx::query_scalar(
        "select plan_id from redrive_plan where queue = $1 and action = $2 order by plan_id desc limit 1",
    )
    .bind(queue)
    .bind(action)
    .fetch_optional(&world.pool)
    .await
    .unwrap();
    let letter: Option<String> = sqlx::query_scalar(
        "select message_id from dead_lettered_message where queue = $1 order by resolution is null desc, copied_at limit 1",
    )
    .bind(queue)
    .fetch_optional(&world.pool)
    .await
    .unwrap();
    command
        .replace("MESSAGE_ID", &letter.unwrap_or_default())
        .replace("PLAN", &plan.map(|plan| plan.to_string()).unwrap_or_default())
        .replace("UNIT", UNIT)
        .replace("REASON", "received_too_often")
        .replace("RECORD", USER)
        .replace("NAME", "ada")
}

/// As a shell would take it apart: quotes hold words together.
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
            // What an earlier command has brought back or dropped is no longer there for this one.
            if command.starts_with("coppice dlq") && !command.contains("PLAN") {
                something_is_dead(&world).await;
            }
            let filled = filled_in(&world, &page, &command).await;
            let words = words(&filled);
            let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
            let environment = match words[0].as_str() {
                "resync-enqueuer" if arguments.first() == Some(&"crm") => "crm-resync",
                "resync-enqueuer" => "sso-resync",
                _ => UNIT,
            };
            // Drills are of units without waiting letters: what this page's world has is redriven first.
            if filled.starts_with("fire-drill run") && !filled.contains("--dry-run") {
                let all = ["dlq", "redrive", UNIT, "--yes", "--canary", "0"];
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
