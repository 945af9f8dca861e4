//! The demo: people change at the identity provider, and what becomes of it is shown step by step.
//!
//! Everything is real but the identity provider, which is simulated: the worker's binary, PostgreSQL, the topology from
//! `deploy/cloudformation/`, and the AWS SDK over HTTP to an emulator.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use local_stack::wait_until;
use testkit::simulators::auth0::{Change, Fault, SimulatedUser};
use testkit::{PATIENCE, PersonRow, Setup, Worker, World};

use crate::commands::{build_worker, tools};
use crate::view::View;

const UNIT: &str = "sso-sync";
const ADA: &str = "auth0|ada";
const BOB: &str = "auth0|bob";
const CLEO: &str = "auth0|cleo";
const DORA: &str = "auth0|dora";
const POISON: &str = r#"{"detail-type": "this is not an event"#;

/// Plays the story. With `once` it checks the end and returns; without, life goes on until Ctrl-C.
///
/// # Errors
/// When something cannot be had or started, or the story does not end as it should.
#[tokio::main]
pub(crate) async fn run(once: bool) -> anyhow::Result<()> {
    tokio::select! {
        ended = play(once) => ended,
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            println!("\nstopping: every process that the demo started ends with it");
            Ok(())
        }
    }
}

async fn play(once: bool) -> anyhow::Result<()> {
    let tools = tools()?;
    tools.postgres()?;
    tools.ministack()?;
    let binary = build_worker(UNIT, false)?;
    println!(
        "starting PostgreSQL and the AWS emulator, deploying deploy/cloudformation/coppice.yaml, migrating"
    );
    let world = World::build(Setup::default(), &tools).await?;
    for workaround in &world.topology.workarounds {
        println!("  the emulator is not AWS: {workaround}");
    }
    let worker = start_worker(&world, binary).await?;
    println!("  AWS endpoint {}   bus {}", world.proxy.endpoint(), world.topology.bus);
    println!("  database     {}", world.database_url());
    println!("  worker       {UNIT} (process {}), {}/metrics", worker.process.pid(), worker.health_url());

    let mut view = View::default();
    let story = tell(&world, &worker, &mut view).await;
    if let Err(error) = story {
        println!("\nlast lines of the worker's log:\n{}", last_lines(&worker.log(), 15));
        return Err(error);
    }
    verify(&world, &worker, &mut view).await?;
    if once {
        return stop(worker).await;
    }
    live_on(&world, &mut view).await
}

async fn start_worker(world: &World, binary: PathBuf) -> anyhow::Result<Worker> {
    let binary = binary.to_str().context("the path of the checkout is not UTF-8")?;
    let worker = world.spawn_worker(binary, UNIT, &[("COPPICE_SSO_TIMEOUT_SECS", "5")]);
    wait_until(PATIENCE, "the worker to be ready", async || {
        Ok(worker.get("readyz").await.is_some_and(|(status, _)| status == 200).then_some(()))
    })
    .await
    .with_context(|| format!("{UNIT} does not get ready:\n{}", last_lines(&worker.log(), 15)))?;
    Ok(worker)
}

async fn tell(world: &World, worker: &Worker, view: &mut View) -> anyhow::Result<()> {
    let idp = &world.idp;
    view.chapter("three people sign up at the identity provider");
    for (id, name) in [(ADA, "Ada"), (BOB, "Bob"), (CLEO, "Cleo")] {
        deliver(world, &idp.put_user(person(id, name))).await;
    }
    view.show_when(world, "three persons", |persons| persons.len() == 3).await?;

    view.chapter("Ada changes her address, and an administrator blocks Bob");
    let adas_change = idp.update(ADA, |user| user.email = Some("ada@new.example.org".into()));
    deliver(world, &adas_change).await;
    world.deliver(&idp.block(BOB).log_event()).await;
    view.show_when(world, "both changes", |persons| {
        has_email(persons, ADA, "ada@new.example.org") && has_status(persons, BOB, "blocked")
    })
    .await?;

    view.chapter("Ada's event is delivered three times more: nothing is written, nothing is announced");
    for _ in 0..3 {
        deliver(world, &adas_change).await;
    }
    view.show_when(world, "the duplicates to be handled", |_| true).await?;

    view.chapter("Cleo changes twice, and the events arrive in the wrong order");
    let first = idp.update(CLEO, |user| user.email = Some("cleo@first.example.org".into()));
    let second = idp.update(CLEO, |user| user.email = Some("cleo@second.example.org".into()));
    deliver(world, &second).await;
    view.show_when(world, "Cleo's last change", |persons| {
        has_email(persons, CLEO, "cleo@second.example.org")
    })
    .await?;
    deliver(world, &first).await;
    view.show_when(world, "the late event to be handled", |persons| {
        has_email(persons, CLEO, "cleo@second.example.org")
    })
    .await?;

    outage(world, worker, view).await?;

    view.chapter("Bob is deleted; an older event about him arrives late and cannot bring him back");
    let late = idp.update(BOB, |user| user.email = Some("bob@late.example.org".into()));
    deliver(world, &idp.delete(BOB)).await;
    view.show_when(world, "Bob to be gone", |persons| has_status(persons, BOB, "deleted")).await?;
    deliver(world, &late).await;
    view.show_when(world, "the late event to be handled", |persons| has_status(persons, BOB, "deleted"))
        .await?;

    view.chapter("something that is no event lands in the queue");
    world.enqueue(UNIT, POISON).await;
    let letter = world.dead_letters(UNIT, 1).await.remove(0);
    let attribute = |name: &str| letter.attributes.get(name).cloned().unwrap_or_default();
    println!(
        "    dead letter: {} – {} (attempt {}, {} {})",
        attribute("coppice.class"),
        attribute("coppice.detail"),
        attribute("coppice.attempts"),
        attribute("coppice.worker"),
        attribute("coppice.worker_version")
    );
    Ok(())
}

async fn outage(world: &World, worker: &Worker, view: &mut View) -> anyhow::Result<()> {
    view.chapter("the identity provider is down; meanwhile Dora signs up and Bob is let in again");
    world.idp.set_fault(Fault::Down);
    deliver(world, &world.idp.put_user(person(DORA, "Dora"))).await;
    deliver(world, &world.idp.update(BOB, |user| user.blocked = Some(false))).await;
    wait_until(PATIENCE, "the breaker to open", async || {
        Ok((worker.metric("coppice_breaker_open", "auth0").await > 0.0).then_some(()))
    })
    .await?;
    let (visible, hidden) = world.queue_depth(UNIT).await;
    println!(
        "    the breaker is open: receiving has stopped, {} event(s) wait in the queue",
        visible + hidden
    );
    println!("    the provider comes back");
    world.idp.set_fault(Fault::None);
    view.show_when(world, "what waited", |persons| {
        has_status(persons, DORA, "active") && has_status(persons, BOB, "active")
    })
    .await
}

/// Compares the end of the story with what the identity provider says.
async fn verify(world: &World, worker: &Worker, view: &mut View) -> anyhow::Result<()> {
    println!("\n▸ checking the end of the story");
    let persons: BTreeMap<String, PersonRow> = world.persons().await?.into_iter().collect();
    let mut faults = Vec::new();
    let mut check = |what: &str, holds: bool| {
        println!("  {} {what}", if holds { "✓" } else { "✗" });
        if !holds {
            faults.push(what.to_owned());
        }
    };
    let users = world.idp.users();
    check(
        "the database says what the identity provider says",
        users.iter().all(|user| {
            persons.get(&user.user_id).is_some_and(|person| {
                person.email == user.email && (person.status == "blocked") == (user.blocked == Some(true))
            })
        }) && users.len() == 3,
    );
    let bob = persons.get(BOB);
    check(
        "Bob is a tombstone without personal values",
        bob.is_some_and(|bob| bob.status == "deleted" && bob.email.is_none()),
    );
    check("every change is announced exactly once", view.all_announced(world).await.is_ok());
    let letters = world.dead_letters(UNIT, 1).await;
    check(
        "the poison, and only that, is in the dead letters",
        letters.len() == 1 && letters[0].body == POISON,
    );
    check("the queue is empty", world.queue_depth(UNIT).await == (0, 0));
    let personal: Vec<String> = users.iter().flat_map(|user| user.email.clone()).collect();
    let log = worker.log();
    let leaked =
        personal.iter().any(|value| world.proxy.transcript_contains(value) || log.contains(value.as_str()));
    check("no address was in a message that the worker saw, in an announcement or in its log", !leaked);
    if faults.is_empty() {
        println!("\nthe story ended as it should");
        Ok(())
    } else {
        bail!("{} of the checks above failed", faults.len())
    }
}

async fn stop(mut worker: Worker) -> anyhow::Result<()> {
    match worker.stop().await {
        Some(0) => {
            println!("the worker drained and ended with code 0");
            Ok(())
        }
        code => bail!("the worker ended with {code:?}:\n{}", last_lines(&worker.log(), 15)),
    }
}

/// Small changes for ever, so that there is something to watch.
async fn live_on(world: &World, view: &mut View) -> anyhow::Result<()> {
    println!("\nlife goes on: every two seconds somebody changes. Ctrl-C ends everything.");
    let mut pause = tokio::time::interval(Duration::from_secs(2));
    for number in 1_u64.. {
        pause.tick().await;
        let id = [ADA, CLEO, DORA][usize::try_from(number % 3)?];
        let change = world.idp.update(id, |user| {
            let name = id.trim_start_matches("auth0|");
            user.email = Some(format!("{name}{number}@example.org"));
        });
        deliver(world, &change).await;
        view.refresh(world).await?;
    }
    Ok(())
}

fn person(id: &str, name: &str) -> SimulatedUser {
    let mut user = SimulatedUser::new(id);
    user.email = Some(format!("{}@example.org", name.to_lowercase()));
    user.given_name = Some(name.to_owned());
    user
}

async fn deliver(world: &World, change: &Change) {
    world.deliver(&change.stream_event()).await;
}

fn has_email(persons: &BTreeMap<String, PersonRow>, id: &str, email: &str) -> bool {
    persons.get(id).is_some_and(|person| person.email.as_deref() == Some(email))
}

fn has_status(persons: &BTreeMap<String, PersonRow>, id: &str, status: &str) -> bool {
    persons.get(id).is_some_and(|person| person.status == status)
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
