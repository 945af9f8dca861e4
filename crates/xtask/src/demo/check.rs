//! Whether the story ended as it should.

use anyhow::{Context as _, bail};
use serde_json::Value;
use testkit::workers;

use super::outage::{POISON, POISONED};
use super::persons::{ADA, adas_document};
use super::stage::Stage;
use super::view::{Persons, View};

/// Compares the end of the story with what the providers say and the policy wants.
///
/// # Errors
/// When it is not so.
pub(crate) async fn end_state(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!("\n▸ checking the end of the story");
    let persons = Persons::read(stage).await?;
    let checks = [
        ("the database says what the providers say and the policy wants", database_is_right(stage, &persons)),
        (
            "the CRM says what the policy wants, and has one contact for each person",
            crm_is_right(stage, &persons),
        ),
        ("the operators' tool says where each of Ada's values comes from", sources_are_told(stage).await?),
        ("every change, sign-in, contact and verification is announced", view.all_announced(stage).await?),
        ("the poison, and only that, is in the dead letters", only_poison(stage).await),
        ("every queue and the outbox are empty", stage.all_is_done().await?),
        ("no personal value was in a message, an announcement or a log", nothing_is_told(stage)),
    ];
    for (what, holds) in checks {
        println!("  {} {what}", if holds { "✓" } else { "✗" });
    }
    match checks.iter().filter(|(_, holds)| !holds).count() {
        0 => println!("\nthe story ended as it should"),
        faults => bail!("{faults} of the checks above failed"),
    }
    Ok(())
}

/// The address is the identity provider's, the legal name the document's where there is one and else the CRM's, the
/// mailing address the CRM's.
fn database_is_right(stage: &Stage<'_>, persons: &Persons) -> bool {
    let users = stage.world.idp.users();
    let right = users.iter().all(|user| {
        let Some(person) = persons.get(&user.user_id) else { return false };
        let Some(contact) = &person.contact else { return false };
        let document = (user.user_id == ADA).then(|| adas_document().given_name);
        person.status == "active"
            && person.email == user.email
            && person.given_name == document.or_else(|| contact.first_name.clone())
            && person.city == contact.mailing_city
    });
    let sign_ins: i64 = persons.all().map(|person| person.sign_ins).sum();
    right && users.len() == persons.all().count() && users.len() == 3 && sign_ins == 3
}

/// Each system is right about something, and nothing is anybody's.
async fn sources_are_told(stage: &Stage<'_>) -> anyhow::Result<bool> {
    let shown = stage.ask(&["person", "show", &format!("auth0:{ADA}")]).await?;
    let fields = shown["fields"].as_array().context("a person has fields")?;
    let source = |name: &str| {
        let field = fields.iter().find(|field| field["field"] == name);
        field.and_then(|field| field["source"].as_str())
    };
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
        let letters = stage.world.dead_letters(unit, usize::from(unit == POISONED)).await;
        bodies.extend(letters.into_iter().map(|letter| letter.body));
    }
    bodies == [POISON] && stage.world.undelivered().await.is_empty()
}

fn nothing_is_told(stage: &Stage<'_>) -> bool {
    let world = stage.world;
    let mut personal = adas_document().personal_values();
    personal.extend(world.idp.users().iter().flat_map(|user| user.personal_values()));
    personal.extend(world.crm.contacts().iter().flat_map(|contact| contact.personal_values()));
    let logs: Vec<String> = stage.workers().map(|worker| worker.log()).collect();
    let told = |value: &String| {
        world.proxy.transcript_contains(value) || logs.iter().any(|log| log.contains(value.as_str()))
    };
    personal.len() >= 20 && !personal.iter().any(told)
}
