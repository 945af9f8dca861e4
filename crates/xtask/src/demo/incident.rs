//! An incident: the CRM refuses contacts for a while, messages are dead-lettered, and an operator redrives them.

use local_stack::wait_until;
use simulators::salesforce::SimulatedContact;
use testkit::PATIENCE;

use super::view::View;
use crate::local::persons::{ADA, BOB, CLEO, change_email};
use crate::local::stage::Stage;

const UNIT: &str = "crm-account-salesforce";

// A write that breaks one of the CRM's validation rules gets this status.
const BROKEN_RULE: u16 = 400;

pub(crate) async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    messages_are_dead_lettered(stage, view).await?;
    an_operator_looks(stage).await?;
    messages_are_redriven(stage, view).await?;
    monitoring_is_tested(stage).await
}

async fn messages_are_dead_lettered(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter(
        "A new rule in the CRM refuses the contacts of Bob and Cleo. All three change their emails twice",
    );
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
    // A contact that is written after the others were refused is the evidence against them.
    for number in 0.. {
        let address = format!("ada@later{number}.example.org");
        change_email(world, ADA, &address).await;
        wait_until(PATIENCE, "Ada's contact", async || {
            let written = |contact: &SimulatedContact| contact.email.as_ref() == Some(&address);
            Ok(world.crm.contacts().iter().any(written).then_some(()))
        })
        .await?;
        if world.dead_letters(UNIT, 0).await.len() >= 2 && stage.all_is_done().await? {
            break;
        }
    }
    view.refresh(stage).await
}

async fn an_operator_looks(stage: &Stage<'_>) -> anyhow::Result<()> {
    println!("    The alarm goes on: {}", stage.alarm_is_on(UNIT).await?);
    println!("    The operator lists the dead-lettered messages: coppice dlq list {UNIT}");
    stage.operate(&["dlq", "list", UNIT]).await?;
    let message = stage.world.dead_letters(UNIT, 1).await.remove(0);
    let id = message.attributes.get("coppice.message_id").cloned().unwrap_or_default();
    println!("    The operator looks at one of them and its reason: coppice dlq show {UNIT} {id}");
    stage.operate(&["dlq", "show", UNIT, &id]).await
}

async fn messages_are_redriven(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!("    The rule is removed from the CRM.");
    refuse_contacts(stage, None);
    println!("    The operator redrives the messages: coppice dlq redrive {UNIT} --yes");
    stage.operate(&["dlq", "redrive", UNIT, "--yes"]).await?;
    view.show_when(stage, "the last changes in the CRM", |persons| {
        [(BOB, "bob"), (CLEO, "cleo")].iter().all(|(id, name)| {
            persons.contact_email(id) == Some(format!("{name}@fourth.example.org").as_str())
        })
    })
    .await
}

// Its dead-letter queue has been empty all the time.
const DRILLED: &str = "identity-verification-stripe";

async fn monitoring_is_tested(stage: &Stage<'_>) -> anyhow::Result<()> {
    println!("    The audit compares the stored records with their sources: audit");
    wait_until(PATIENCE, "every message to be handled", async || {
        Ok(stage.all_is_done().await?.then_some(()))
    })
    .await?;
    stage.run_job("audit", &["--grace-secs", "1"], 0).await?;
    println!(
        "    The fire drill sends a bad message and waits for its alarm: fire-drill run --unit {DRILLED}"
    );
    let drill = ["run", "--unit", DRILLED, "--worker-wait-secs", "30", "--alarm-wait-secs", "30"];
    stage.run_job("fire-drill", &drill, 0).await?;
    println!(
        "    An operator switches a rule of the bus off by mistake. No alarm shows it, but the next fire drill fails:"
    );
    let rule = format!("{}-{DRILLED}-ingress", stage.world.topology.bus);
    stage.world.switch_rule(&rule, false).await;
    stage.run_job("fire-drill", &drill, 1).await?;
    stage.world.switch_rule(&rule, true).await;
    Ok(())
}

fn refuse_contacts(stage: &Stage<'_>, status: Option<u16>) {
    let of_ada =
        |contact: &SimulatedContact| contact.email.as_ref().is_some_and(|email| email.starts_with("ada@"));
    for contact in stage.world.crm.contacts().into_iter().filter(|contact| !of_ada(contact)) {
        stage.world.crm.set_status(&contact.id, status);
    }
}
