//! An incident: records are refused for a while, letters die of it, and an operator brings them back.

use local_stack::wait_until;
use testkit::PATIENCE;

use super::persons::{ADA, BOB, CLEO, change_email};
use super::stage::Stage;
use super::view::View;

/// Whose letters die.
const UNIT: &str = "crm-account";

/// What the CRM answers to a write of a contact that breaks a rule which somebody has just made there.
const BROKEN_RULE: u16 = 400;

/// Plays it.
///
/// # Errors
/// When something does not end as it should.
pub(crate) async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    letters_die(stage, view).await?;
    an_operator_looks(stage).await?;
    letters_are_redriven(stage, view).await?;
    silence_is_proved(stage).await
}

async fn letters_die(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter("somebody makes a rule in the CRM that refuses every contact, and persons go on changing");
    refuse_contacts(stage, Some(BROKEN_RULE));
    for round in ["third", "fourth"] {
        for (id, name) in [(ADA, "ada"), (BOB, "bob"), (CLEO, "cleo")] {
            change_email(world, id, &format!("{name}@{round}.example.org")).await;
        }
        view.wait_for(stage, "the changes", |persons| {
            persons.email(CLEO) == Some(format!("cleo@{round}.example.org").as_str())
        })
        .await?;
    }
    world.dead_letters(UNIT, 3).await;
    wait_until(PATIENCE, "the other letters to die", async || Ok(stage.all_is_done().await?.then_some(())))
        .await?;
    view.refresh(stage).await
}

async fn an_operator_looks(stage: &Stage<'_>) -> anyhow::Result<()> {
    println!("    the alarm: {}", stage.alarm_is_on(UNIT).await?);
    println!("    what is dead: coppice dlq list {UNIT}");
    stage.operate(&["dlq", "list", UNIT]).await?;
    let letter = stage.world.dead_letters(UNIT, 1).await.remove(0);
    let id = letter.attributes.get("coppice.message_id").cloned().unwrap_or_default();
    println!("    and why: coppice dlq show {UNIT} {id}");
    stage.operate(&["dlq", "show", UNIT, &id]).await
}

async fn letters_are_redriven(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!("    the rule is taken back");
    refuse_contacts(stage, None);
    println!("    and the letters are sent again: coppice dlq redrive {UNIT} --yes");
    stage.operate(&["dlq", "redrive", UNIT, "--yes"]).await?;
    view.show_when(stage, "the last changes in the CRM", |persons| {
        [(ADA, "ada"), (BOB, "bob"), (CLEO, "cleo")].iter().all(|(id, name)| {
            persons.contact_email(id) == Some(format!("{name}@fourth.example.org").as_str())
        })
    })
    .await
}

/// Whose drill is shown: its dead letters have been empty all along.
const DRILLED: &str = "identity-verification";

async fn silence_is_proved(stage: &Stage<'_>) -> anyhow::Result<()> {
    println!("    is everything as its source says? audit");
    wait_until(PATIENCE, "everything to be done", async || Ok(stage.all_is_done().await?.then_some(())))
        .await?;
    stage.run_job("audit", &["--grace-secs", "1"], 0).await?;
    println!("    would a failure be seen? fire-drill run --unit {DRILLED}");
    let drill = ["run", "--unit", DRILLED, "--worker-wait-secs", "30", "--alarm-wait-secs", "30"];
    stage.run_job("fire-drill", &drill, 0).await?;
    println!("    somebody switches a rule off, and nothing is to be seen of it but by a drill");
    let rule = format!("{}-{DRILLED}-ingress", stage.world.topology.bus);
    stage.world.switch_rule(&rule, false).await;
    stage.run_job("fire-drill", &drill, 1).await?;
    stage.world.switch_rule(&rule, true).await;
    Ok(())
}

fn refuse_contacts(stage: &Stage<'_>, status: Option<u16>) {
    for contact in stage.world.crm.contacts() {
        stage.world.crm.set_status(&contact.id, status);
    }
}
