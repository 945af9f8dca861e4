//! Each push causes one echo, and the echo causes no further push.

use testkit::World;

use crate::fleet::Fleet;
use crate::{change_email, contact_where, sign_up, times_announced};

const UNITS: [&str; 3] = ["sso-sync", "crm-sync", "crm-account"];
const ADA: &str = "auth0|ada";
const BOB: &str = "auth0|bob";

/// The most corrections of one person within an hour: README of `crm-account`.
const MOST_CORRECTIONS: usize = 3;

#[tokio::test]
async fn each_change_causes_one_push_and_one_echo() {
    let world = World::start_with_emulator().await;
    let fleet = Fleet::start(&world, &UNITS, &[]).await;
    let ada = sign_up(&world, ADA).await.person_id;
    let contact = contact_where(&world, ada, |_| true).await;
    fleet.quiet().await;
    assert_eq!((world.crm.writes(), world.crm.creations(), fleet.pump.delivered()), (1, 1, 1));
    // One announcement, for the account.
    let announced = times_announced(&world, ada).await;
    assert_eq!(announced, 1, "no announcement for the echo of the new contact");

    for round in 1..=3 {
        let email = format!("ada{round}@members.example.org");
        change_email(&world, ADA, &email).await;
        contact_where(&world, ada, |contact| contact.email.as_deref() == Some(&email)).await;
        fleet.quiet().await;
        assert_eq!(world.crm.writes(), 1 + round, "one push for each change");
        assert_eq!(fleet.pump.delivered(), 1 + round, "one echo for each push");
        assert_eq!(times_announced(&world, ada).await, announced + round, "no announcement for an echo");
    }
    assert_eq!(world.crm.contacts().len(), 1);
    assert_eq!(world.crm.creations(), 1);

    // A user of the CRM changes a field for which the policy takes the identity provider's value.
    let email = world.idp.user(ADA).unwrap().email;
    world.crm.update(&contact.id, |contact| contact.email = Some(String::from("ada@crm.example.org")));
    contact_where(&world, ada, |contact| contact.email == email).await;
    fleet.quiet().await;
    assert_eq!(world.crm.writes(), 5, "one correction");
    assert_eq!(fleet.pump.delivered(), 6, "the change and the correction's echo");
    assert_eq!(times_announced(&world, ada).await, announced + 4);
    assert_eq!(world.person(ADA).await.unwrap().email, email);
    for unit in UNITS {
        assert_eq!(world.dead_letters(unit, 0).await.len(), 0, "{unit}");
    }
}

#[tokio::test]
async fn crm_account_corrects_a_contact_at_most_three_times_in_an_hour() {
    let world = World::start_with_emulator().await;
    let fleet = Fleet::start(&world, &UNITS, &[]).await;
    let bob = sign_up(&world, BOB).await.person_id;
    let contact = contact_where(&world, bob, |_| true).await;
    fleet.quiet().await;
    let email = world.idp.user(BOB).unwrap().email;
    for round in 1..=MOST_CORRECTIONS + 2 {
        let insisted = Some(format!("bob{round}@crm.example.org"));
        world.crm.update(&contact.id, |contact| contact.email.clone_from(&insisted));
        fleet.quiet().await;
        let corrections = round.min(MOST_CORRECTIONS);
        assert_eq!(world.crm.writes(), 1 + corrections, "round {round}");
        assert_eq!(fleet.pump.delivered(), 1 + round + corrections, "round {round}");
        let expected = if round <= MOST_CORRECTIONS { &email } else { &insisted };
        assert_eq!(&world.crm.contact(&contact.id).unwrap().email, expected, "round {round}");
        assert_eq!(
            world.person(BOB).await.unwrap().email,
            email,
            "the person keeps the identity provider's value"
        );
    }
    assert!(fleet.worker("crm-sync").log().contains("the source changes our values back"));

    // A change at the identity provider is pushed all the same.
    change_email(&world, BOB, "bob@new.example.org").await;
    contact_where(&world, bob, |contact| contact.email.as_deref() == Some("bob@new.example.org")).await;
    fleet.quiet().await;
    assert_eq!(world.crm.writes(), 2 + MOST_CORRECTIONS);
}
