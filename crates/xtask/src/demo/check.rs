//! Checks the state at the end of the story.

use anyhow::{Context as _, bail};
use local_stack::wait_until;
use serde_json::Value;
use testkit::PATIENCE;

use super::outage::{POISON, POISONED};
use super::view::{Persons, View};
use crate::local::persons::{ADA, DORA, ELI, adas_document, elis_document};
use crate::local::stage::Stage;

/// Compares the database and the CRM with the providers' records and the policy.
pub(crate) async fn end_state(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    println!("\n▸ The demo checks the state at the end");
    // A source's last event about a pushed value may still be on its way.
    let done = wait_until(PATIENCE, "every queue and the outbox to be empty", async || {
        Ok(stage.all_is_done().await?.then_some(()))
    });
    let done = done.await.is_ok();
    let persons = Persons::read(stage).await?;
    let checks = [
        (
            "the database has the values of the providers that the policy prefers",
            database_is_right(stage, &persons),
        ),
        (
            "both CRMs have the values that the policy prefers, and one contact for each person",
            crms_are_right(stage, &persons),
        ),
        ("`coppice person show` names the source of each of Ada's values", sources_are_named(stage).await?),
        ("every change, sign-in, contact and verification was announced", view.all_announced(stage).await?),
        ("the one dead-lettered message is the poison", only_poison(stage).await),
        ("every queue and the outbox are empty", done),
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
    let others = [(DORA, "dora@new.example.org", "Theodora"), (ELI, "eli@new.example.org", "Eleazar")];
    let right = right
        && others.iter().all(|(id, email, given_name)| {
            let person = persons.get(id).filter(|person| person.status == "active");
            person.is_some_and(|person| {
                person.email.as_deref() == Some(email) && person.given_name.as_deref() == Some(given_name)
            })
        });
    let sign_ins: i64 = persons.all().map(|person| person.sign_ins).sum();
    right && users.len() == 3 && persons.all().count() == 5 && sign_ins == 4
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
        ("preferred_language", "auth0"),
    ];
    let has_source = |field: &Value| field["value"].is_null() || field["rule"].is_string();
    Ok(expected.iter().all(|(name, whose)| source(name) == Some(whose)) && fields.iter().all(has_source))
}

fn crms_are_right(stage: &Stage<'_>, persons: &Persons) -> bool {
    let right = persons.all().all(|person| {
        let (email, given_name) = (person.email.as_deref(), person.given_name.as_deref());
        let salesforce = person.contact.as_ref().is_some_and(|contact| {
            (contact.email.as_deref(), contact.first_name.as_deref()) == (email, given_name)
        });
        let hubspot = person.hubspot.as_ref();
        salesforce && hubspot.is_some_and(|it| (it.get("email"), it.get("firstname")) == (email, given_name))
    });
    let contacts = [stage.world.crm.contacts().len(), stage.sources.hubspot.contacts().len()];
    right && contacts == [persons.all().count(); 2]
}

async fn only_poison(stage: &Stage<'_>) -> bool {
    let mut bodies = Vec::new();
    for branch in stage.world.topology.branches() {
        let messages = stage.world.dead_letters(branch, usize::from(branch == POISONED)).await;
        bodies.extend(messages.into_iter().map(|message| message.body));
    }
    bodies == [POISON] && stage.world.undelivered().await.is_empty()
}

fn no_value_leaked(stage: &Stage<'_>) -> bool {
    let world = stage.world;
    let sources = &stage.sources;
    let mut personal = adas_document().personal_values();
    personal.extend(elis_document().personal_values());
    personal.extend(sources.okta.user(DORA).iter().flat_map(|user| user.personal_values()));
    personal.extend(sources.entra.user(ELI).iter().flat_map(|user| user.personal_values()));
    personal.extend(["Theodora", "Whitcombe", "dora.whitcombe"].map(str::to_owned));
    personal.extend(sources.hubspot.contacts().iter().flat_map(|contact| contact.personal_values()));
    personal.extend(world.idp.users().iter().flat_map(|user| user.personal_values()));
    personal.extend(world.crm.contacts().iter().flat_map(|contact| contact.personal_values()));
    let logs: Vec<String> = stage.workers().map(|(_, worker)| worker.log()).collect();
    let leaked = |value: &String| {
        world.proxy.transcript_contains(value) || logs.iter().any(|log| log.contains(value.as_str()))
    };
    // With few values, the check would prove nothing.
    personal.len() >= 20 && !personal.iter().any(leaked)
}
