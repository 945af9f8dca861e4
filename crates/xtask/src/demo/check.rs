//! Checks the state at the end of the story.

use anyhow::{Context as _, bail};
use serde_json::Value;
use testkit::workers;

use super::outage::{POISON, POISONED};
use super::persons::{ADA, adas_document};
use super::stage::Stage;
use super::view::{Persons, View};

/// Compares the database and the CRM with the providers' records and the policy.
pub(crate) async fn end_state(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!("\n▸ The demo checks the state at the end");
    let persons = Persons::read(stage).await?;
    let checks = [
        (
            "the database has the values of the providers that the policy prefers",
            database_is_right(stage, &persons),
        ),
        (
            "the CRM has the values that the policy prefers, and one contact for each person",
            crm_is_right(stage, &persons),
        ),
        ("`coppice person show` names the source of each of Ada's values", sources_are_named(stage).await?),
        ("every change, sign-in, contact and verification was announced", view.all_announced(stage).await?),
        ("the one dead-lettered message is the poison", only_poison(stage).await),
        ("every queue and the outbox are empty", stage.all_is_done().await?),
        ("no personal value was in a message, an announcement or a log", no_value_leaked(stage)),
    ];
    for (what, holds) in checks {
        println!("  {} {what}", if holds { "✓" } else { "✗" });
    }
    match checks.iter().filter(|(_, holds)| !holds).count() {
        0 => println!("\nevery check passed"),
        faults => bail!("{faults} of the checks above failed"),
    }
    Ok(())
}

fn database_is_right(stage: &Stage<'_>, persons: &Persons) -> bool {
    let users = stage.world.idp.users();
    let right = users.iter().all(|user| {
        let Some(person) = persons.get(&user.user_id) else { return false };
        let Some(contact) = &person.contact else { return false };
        let document = (user.user_id == ADA).then(|| adas_document().given_name);
        // The email comes from the identity provider. The legal name comes from the document or, without a document, from the
        // CRM. The mailing address comes from the CRM.
        person.status == "active"
            && person.email == user.email
            && person.given_name == document.or_else(|| contact.first_name.clone())
            && person.city == contact.mailing_city
    });
    let sign_ins: i64 = persons.all().map(|person| person.sign_ins).sum();
    right && users.len() == persons.all().count() && users.len() == 3 && sign_ins == 3
}

async fn sources_are_named(stage: &Stage<'_>) -> anyhow::Result<bool> {
    let shown = stage.ask(&["person", "show", &format!("auth0:{ADA}")]).await?;
    let fields = shown["fields"].as_array().context("a person has fields")?;
    let source = |name: &str| {
        let field = fields.iter().find(|field| field["field"] == name);
        field.and_then(|field| field["source"].as_str())
    };
    // Each source wins for some field.
    let expected = [
        ("email", "auth0"),
        ("given_name", "stripe"),
        ("family_name", "stripe"),
        ("mailing_address", "salesforce"),
    ];
    let has_source = |field: &Value| field["value"].is_null() || field["rule"].is_string();
    Ok(expected.iter().all(|(name, whose)| source(name) == Some(whose)) && fields.iter().all(has_source))
}

fn crm_is_right(stage: &Stage<'_>, persons: &Persons) -> bool {
    let right = persons.all().all(|person| {
        let contact = person.contact.as_ref();
        contact
            .is_some_and(|contact| contact.email == person.email && contact.first_name == person.given_name)
    });
    right && stage.world.crm.contacts().len() == persons.all().count()
}

async fn only_poison(stage: &Stage<'_>) -> bool {
    let mut bodies = Vec::new();
    for unit in workers() {
        let messages = stage.world.dead_letters(unit, usize::from(POISONED.starts_with(unit))).await;
        bodies.extend(messages.into_iter().map(|message| message.body));
    }
    bodies == [POISON] && stage.world.undelivered().await.is_empty()
}

fn no_value_leaked(stage: &Stage<'_>) -> bool {
    let world = stage.world;
    let mut personal = adas_document().personal_values();
    personal.extend(world.idp.users().iter().flat_map(|user| user.personal_values()));
    personal.extend(world.crm.contacts().iter().flat_map(|contact| contact.personal_values()));
    let logs: Vec<String> = stage.workers().map(|worker| worker.log()).collect();
    let leaked = |value: &String| {
        world.proxy.transcript_contains(value) || logs.iter().any(|log| log.contains(value.as_str()))
    };
    // With few values, the check would prove nothing.
    personal.len() >= 20 && !personal.iter().any(leaked)
}
