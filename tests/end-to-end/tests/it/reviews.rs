//! While a contact is under review, `crm-account` creates no contact for the candidate. After an operator's decision it
//! continues.

use local_stack::wait_until;
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::{OPERATORS_TOOL, PATIENCE, World, unit_binary};
use uuid::Uuid;

use crate::fleet::Fleet;
use crate::{contact_where, sign_up};

const BOB: &str = "auth0|bob";

/// A policy that trusts the addresses of the CRM.
const TRUSTING: (&str, &str) = ("linking.trusted_email_from", r#"["salesforce"]"#);

/// Creates Bob's account, and gives his address to an older contact, which opens a review. Only then starts `crm-account`.
async fn bob_and_a_contact_under_review(world: &World) -> (Fleet<'_>, Uuid, String) {
    let settings = [TRUSTING];
    let mut fleet = Fleet::start(world, &["sso-sync", "crm-sync"], &settings).await;
    let contact = contact_id(1);
    world.crm.put_contact(SimulatedContact::new(&contact));
    world.person_where(&contact, |_| true).await;
    let bob = sign_up(world, BOB).await;
    world.crm.update(&contact, |contact| contact.email.clone_from(&bob.email));
    let open = "select external_id from link_review where verdict is null and candidate_person_id = $1";
    let question = async || {
        let review: Option<String> =
            sqlx::query_scalar(open).bind(bob.person_id).fetch_optional(&world.pool).await?;
        Ok(review)
    };
    assert_eq!(wait_until(PATIENCE, "the review to be opened", question).await.unwrap(), contact);

    fleet.join("crm-account", &settings).await;
    fleet.quiet().await;
    assert_eq!((world.crm.writes(), world.crm.contacts().len()), (0, 1), "Bob's first announcement");
    let change = world.idp.update(BOB, |user| user.phone_number = Some(String::from("+15550000001")));
    world.deliver(&change.stream_event()).await;
    world.person_where(BOB, |person| person.revision == bob.revision + 1).await;
    fleet.quiet().await;
    assert_eq!((world.crm.writes(), world.crm.contacts().len()), (0, 1), "and his second");
    (fleet, bob.person_id, contact)
}

/// Runs `coppice link decide` with the real binary.
async fn decide(world: &World, contact: &str, person: Uuid, decision: &str) {
    let person = person.to_string();
    let arguments = [
        "link",
        "decide",
        "salesforce",
        contact,
        &person,
        decision,
        "--author",
        "Ada",
        "--reason",
        "phoned him",
    ];
    world.run_job(unit_binary(OPERATORS_TOOL), OPERATORS_TOOL, &arguments, &[TRUSTING]).await.says(0, &[]);
}

#[tokio::test]
async fn crm_account_uses_the_contact_that_an_operator_links() {
    let world = World::start_with_emulator().await;
    let (fleet, bob, contact) = bob_and_a_contact_under_review(&world).await;
    decide(&world, &contact, bob, "--link").await;
    let his = contact_where(&world, bob, |contact| contact.phone.as_deref() == Some("+15550000001")).await;
    assert_eq!(his.id, contact);
    fleet.quiet().await;
    assert_eq!((world.crm.writes(), world.crm.creations()), (1, 0));
    assert_eq!(world.person(&contact).await.unwrap().person_id, bob);
}

#[tokio::test]
async fn crm_account_creates_a_contact_when_an_operator_separates_the_candidate() {
    let world = World::start_with_emulator().await;
    let (fleet, bob, contact) = bob_and_a_contact_under_review(&world).await;
    let before = world.crm.contact(&contact);
    decide(&world, &contact, bob, "--separate").await;
    let his = contact_where(&world, bob, |_| true).await;
    assert_ne!(his.id, contact);
    fleet.quiet().await;
    assert_eq!((world.crm.writes(), world.crm.creations()), (1, 1));
    assert_eq!(world.crm.contact(&contact), before);
    assert_ne!(world.person(&contact).await.unwrap().person_id, bob);
    assert_eq!(world.person(&his.id).await.unwrap().person_id, bob);
}
