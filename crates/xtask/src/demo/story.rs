//! What Ada and Bob do, system after system.

use super::persons::{ADA, BOB, adas_document, change_email, sign_up};
use super::stage::Stage;
use super::view::View;

const SESSION: &str = "vs_ada";

pub(crate) async fn tell(stage: &Stage<'_>, view: &mut View) -> anyhow::Result<()> {
    let world = stage.world;
    view.chapter(
        "Ada and Bob sign up at the identity provider. A worker creates a contact for each in the CRM",
    );
    sign_up(world, ADA, "Adaline").await;
    sign_up(world, BOB, "Bartholomew").await;
    view.show_when(stage, "two persons with contacts", |persons| {
        persons.contact_email(ADA) == Some("ada@example.org") && persons.contact_email(BOB).is_some()
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
        "Stripe verifies Ada's document. Her legal name now comes from it, and a worker pushes it to the CRM",
    );
    let person_id = view.person_id(ADA)?.to_string();
    let stripe = &world.verifier_server;
    world.deliver(&stripe.put_session(SESSION, Some(&person_id)).partner_event()).await;
    world.deliver(&stripe.verify(SESSION, &adas_document()).partner_event()).await;
    view.show_when(stage, "the legal name", |persons| {
        let contact = persons.get(ADA).and_then(|ada| ada.contact.as_ref());
        persons.get(ADA).is_some_and(|ada| ada.given_name.as_deref() == Some("Augusta"))
            && contact.is_some_and(|contact| contact.first_name.as_deref() == Some("Augusta"))
    })
    .await?;

    view.chapter("Ada's mailing address changes in the CRM, which wins for that field. A worker stores it");
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

    view.chapter("Ada changes her email at the identity provider, which wins for that field. A worker pushes it to the CRM");
    change_email(world, ADA, "ada@new.example.org").await;
    view.show_when(stage, "the email in the CRM", |persons| {
        persons.contact_email(ADA) == Some("ada@new.example.org")
    })
    .await
}
