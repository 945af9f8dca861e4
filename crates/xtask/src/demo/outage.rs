//! An outage, late and repeated events, and a message that is no event. No change is lost.

use local_stack::wait_until;
use simulators::salesforce::Fault;
use testkit::PATIENCE;

use super::persons::{ADA, BOB, CLEO, change_email, sign_up};
use super::stage::Stage;
use super::view::View;

pub(crate) const POISON: &str = r#"{"detail-type": "this is not an event"#;

pub(crate) const POISONED: &str = "sso-sync-auth0";

pub(crate) async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    outage(stage, view).await?;
    repeats(stage, view).await?;
    poison(stage, view).await
}

async fn outage(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter("The CRM goes down. Meanwhile Cleo signs up, and Bob changes his email");
    world.crm.set_fault(Fault::Down);
    sign_up(world, CLEO, "Cleopatra").await;
    change_email(world, BOB, "bob@new.example.org").await;
    view.wait_for(stage, "both persons", |persons| {
        persons.email(CLEO).is_some() && persons.email(BOB) == Some("bob@new.example.org")
    })
    .await?;
    let worker = stage.worker("crm-account");
    wait_until(PATIENCE, "the breaker to open", async || {
        let open = worker.metric("coppice_breaker_open", "salesforce").await > 0.0;
        Ok((open && world.queue_depth("crm-account").await != (0, 0)).then_some(()))
    })
    .await?;
    view.show(stage).await?;
    let (visible, hidden) = world.queue_depth("crm-account").await;
    println!(
        "    The breaker of the CRM is open: crm-account receives nothing, {} event(s) wait, no attempt is counted.",
        visible + hidden
    );
    println!("    The CRM comes back.");
    world.crm.set_fault(Fault::None);
    view.show_when(stage, "the waiting changes", |persons| {
        persons.contact_email(CLEO) == Some("cleo@example.org")
            && persons.contact_email(BOB) == Some("bob@new.example.org")
    })
    .await
}

async fn repeats(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter("Bob changes his email twice. The second event arrives first; the first event arrives three times after it");
    let first = world.idp.update(BOB, |user| user.email = Some("bob@first.example.org".into()));
    let second = world.idp.update(BOB, |user| user.email = Some("bob@second.example.org".into()));
    world.deliver(&second.stream_event()).await;
    let latest =
        |persons: &super::view::Persons| persons.contact_email(BOB) == Some("bob@second.example.org");
    view.show_when(stage, "Bob's last change", latest).await?;
    for _ in 0..3 {
        world.deliver(&first.stream_event()).await;
    }
    wait_until(PATIENCE, "the late events to be handled", async || {
        Ok(stage.all_is_done().await?.then_some(()))
    })
    .await?;
    let (before, ada) = (view.revision(BOB)?, view.revision(ADA)?);
    view.refresh(stage).await?;
    let unmoved = (before, ada) == (view.revision(BOB)?, view.revision(ADA)?);
    anyhow::ensure!(unmoved, "a late event changed a person");
    println!("    The late events were handled. Nothing was written, and nothing was announced.");
    Ok(())
}

async fn poison(stage: &Stage<'_>, view: &View) -> anyhow::Result<()> {
    view.chapter(
        "A message that is no event arrives in the queue of sso-sync-auth0. The worker dead-letters it at once",
    );
    stage.world.enqueue(POISONED, POISON).await;
    let message = stage.world.dead_letters(POISONED, 1).await.remove(0);
    let attribute = |name: &str| message.attributes.get(name).cloned().unwrap_or_default();
    println!(
        "    dead-lettered: {} – {} ({}, attempt {})",
        attribute("coppice.class"),
        attribute("coppice.detail"),
        attribute("coppice.worker"),
        attribute("coppice.attempts")
    );
    Ok(())
}
