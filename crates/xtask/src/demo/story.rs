//! What five persons do, system after system.

use simulators::{entra, okta};

use super::view::View;
use crate::local::persons::{
    ADA, BOB, DORA, DORAS_NUMBER, ELI, adas_document, change_email, dora, elis_document, sign_up,
};
use crate::local::stage::Stage;

const SESSION: &str = "vs_ada";
const INQUIRY: &str = "inq_eli";

pub(crate) async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter(
        "Ada and Bob sign up at the identity provider. Workers create a contact for each in both CRMs",
    );
    sign_up(world, ADA, "Adaline").await;
    sign_up(world, BOB, "Bartholomew").await;
    view.show_when(stage, "two persons with contacts", |persons| {
        persons.both_have(ADA, "ada@example.org") && persons.both_have(BOB, "bob@example.org")
    })
    .await?;

    view.chapter("Ada signs in to two applications");
    for application in ["portal", "shop", "portal"] {
        world.deliver(&world.idp.sign_in(ADA, application)).await;
    }
    view.show_when(stage, "three sign-ins", |persons| {
        persons.get(ADA).is_some_and(|ada| (ada.applications, ada.sign_ins) == (2, 3))
    })
    .await?;

    view.chapter(
        "Stripe verifies Ada's document. Her legal name now comes from it, and workers push it to both CRMs",
    );
    let person_id = view.person_id(ADA)?.to_string();
    let stripe = &world.verifier_server;
    world.deliver(&stripe.put_session(SESSION, Some(&person_id)).partner_event()).await;
    world.deliver(&stripe.verify(SESSION, &adas_document()).partner_event()).await;
    view.show_when(stage, "the legal name", |persons| {
        let contact = persons.get(ADA).and_then(|ada| ada.contact.as_ref());
        persons.get(ADA).is_some_and(|ada| ada.given_name.as_deref() == Some("Augusta"))
            && contact.is_some_and(|contact| contact.first_name.as_deref() == Some("Augusta"))
            && persons.hubspots_first_name(ADA) == Some("Augusta")
    })
    .await?;

    view.chapter(
        "Ada's mailing address changes in Salesforce: a CRM wins for that field. A worker stores it",
    );
    let contact = view.contact_id(ADA)?;
    world.crm.update(&contact, |contact| {
        contact.mailing_street = Some(String::from("12 Analytical Row"));
        contact.mailing_city = Some(String::from("Marylebone"));
        contact.mailing_country = Some(String::from("Ostrelle"));
    });
    view.show_when(stage, "the mailing address", |persons| {
        persons.get(ADA).is_some_and(|ada| ada.city.as_deref() == Some("Marylebone"))
    })
    .await?;

    view.chapter("Ada changes her email at the identity provider, which wins for that field. Workers push it to both CRMs");
    change_email(world, ADA, "ada@new.example.org").await;
    view.show_when(stage, "the email in the CRMs", |persons| persons.both_have(ADA, "ada@new.example.org"))
        .await?;
    staff(stage, view).await?;
    partner(stage, view).await
}

async fn staff(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    view.chapter(
        "Dora is hired: the directory, an internal API, has her legal name, and Okta her account. Both have her number as an \
         employee, so they are one person",
    );
    let record = stage.sources.directory.create(&dora()).await;
    stage.ingress.directory(&record).await?;
    let mut user = okta::SimulatedUser::new(DORA).with_employee_number(DORAS_NUMBER);
    user.email = String::from("dora@staff.example.org");
    stage.world.deliver(&stage.sources.okta.put_user(user).log_event()).await;
    stage.world.deliver(&stage.sources.okta.sign_in(DORA, Some("0oaPortal"))).await;
    view.show_when(stage, "one person of two sources", |persons| {
        let dora = persons.get(DORA);
        dora.is_some_and(|dora| dora.given_name.as_deref() == Some("Theodora") && dora.sign_ins == 1)
            && persons.both_have(DORA, "dora@staff.example.org")
    })
    .await
}

async fn partner(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let (entra, persona) = (&stage.sources.entra, &stage.sources.persona);
    view.chapter("Eli of a partner company gets an account in Entra. Persona verifies his document");
    let mut user = entra::SimulatedUser::new(ELI);
    user.mail = Some(String::from("eli@partner.example.org"));
    user.given_name = String::from("Elliottson");
    entra.put_user(user);
    entra_notifies(stage).await?;
    view.wait_for(stage, "the account", |persons| persons.get(ELI).is_some()).await?;
    view.refresh(stage).await?;
    let person_id = view.person_id(ELI)?.to_string();
    for change in [
        persona.put_inquiry(INQUIRY, Some(&person_id)),
        persona.complete(INQUIRY, &elis_document()),
        persona.approve(INQUIRY),
    ] {
        stage.ingress.persona(&change).await?;
    }
    view.show_when(stage, "the legal name", |persons| {
        persons.get(ELI).is_some_and(|eli| eli.given_name.as_deref() == Some("Eleazar"))
            && persons.hubspots_first_name(ELI) == Some("Eleazar")
            && persons.both_have(ELI, "eli@partner.example.org")
    })
    .await
}

/// Entra notifies the ingress of its changes.
pub(crate) async fn entra_notifies(stage: &Stage<'_>) -> anyhow::Result<()> {
    let statuses = stage.sources.entra.deliver(1).await;
    anyhow::ensure!(
        !statuses.is_empty() && statuses.iter().all(|status| (200..300).contains(status)),
        "the ingress answered Entra with {statuses:?}"
    );
    Ok(())
}
