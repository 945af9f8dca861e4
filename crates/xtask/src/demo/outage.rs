//! An outage, late and repeated events, and a message that is no event. No change is lost.

use local_stack::wait_until;
use simulators::salesforce::Fault;
use testkit::PATIENCE;

use super::story::entra_notifies;
use super::view::{Person, View};
use crate::local::persons::{ADA, BOB, CLEO, DORA, ELI, change_email, sign_up};
use crate::local::stage::Stage;

pub(crate) const POISON: &str = r#"{"detail-type": "this is not an event"#;

pub(crate) const POISONED: &str = "sso-sync-auth0";

/// The branch that cannot go on while Salesforce is down.
const REFUSED: &str = "crm-account-salesforce";

/// What the persons' addresses are after the outage.
const CHANGED: [(&str, &str); 4] = [
    (CLEO, "cleo@example.org"),
    (BOB, "bob@new.example.org"),
    (DORA, "dora@new.example.org"),
    (ELI, "eli@new.example.org"),
];

pub(crate) async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    outage(stage, view).await?;
    repeats(stage, view).await?;
    poison(stage, view).await
}

async fn outage(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter(
        "Salesforce goes down. Meanwhile Cleo signs up at Auth0, Bob, Dora and Eli change their emails at Auth0, Okta and \
         Entra. Every other source stays fresh, the other CRM too",
    );
    world.crm.set_fault(Fault::Down);
    sign_up(world, CLEO, "Cleopatra").await;
    change_email(world, BOB, "bob@new.example.org").await;
    let okta = stage.sources.okta.update(DORA, |user| user.email = String::from("dora@new.example.org"));
    world.deliver(&okta.log_event()).await;
    stage.sources.entra.update(ELI, |user| user.mail = Some(String::from("eli@new.example.org")));
    entra_notifies(stage).await?;
    view.wait_for(stage, "the persons, and HubSpot", |persons| {
        CHANGED.iter().all(|(id, email)| {
            persons.email(id) == Some(email)
                && persons.get(id).and_then(Person::hubspots_email) == Some(email)
        })
    })
    .await?;
    let worker = stage.worker(REFUSED);
    wait_until(PATIENCE, "the breaker to open", async || {
        let open = worker.metric("coppice_breaker_open", "salesforce").await > 0.0;
        Ok((open && world.queue_depth(REFUSED).await != (0, 0)).then_some(()))
    })
    .await?;
    view.show(stage).await?;
    let (visible, hidden) = world.queue_depth(REFUSED).await;
    println!(
        "    The breaker of Salesforce is open: {REFUSED} receives nothing, {} event(s) wait, no attempt is counted.",
        visible + hidden
    );
    let open = open_breakers(stage).await;
    anyhow::ensure!(
        open.iter().all(|branch| branch.ends_with("-salesforce")),
        "other breakers are open: {open:?}"
    );
    println!("    Salesforce comes back.");
    world.crm.set_fault(Fault::None);
    view.show_when(stage, "the waiting changes", |persons| {
        CHANGED.iter().all(|(id, email)| persons.both_have(id, email))
    })
    .await
}

/// The branches whose breaker is open.
async fn open_breakers(stage: &Stage<'_>) -> Vec<String> {
    let mut open = Vec::new();
    for (branch, worker) in stage.workers() {
        if worker.metric("coppice_breaker_open", "").await > 0.0 {
            open.push(branch.clone());
        }
    }
    open
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
