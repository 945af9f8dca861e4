//! An incomplete listing deletes no record.

use simulators::ListingFault;
use simulators::okta::{self, OktaSimulator};
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::unit_binary;
use testkit::{World, okta_settings};

use crate::{BINARY, CRM, SSO, drain, enqueue, id, known_users, records};

const FAULTS: [ListingFault; 4] = [
    ListingFault::FailedPage(2),
    ListingFault::EmptyPage(2),
    ListingFault::RepeatedPage(2),
    ListingFault::EmptyPage(1),
];

#[tokio::test]
async fn a_failed_an_empty_and_a_repeated_page_of_auth0_delete_no_record() {
    let world = World::start().await;
    known_users(&world, 230).await;
    for fault in FAULTS {
        world.idp.set_listing_fault(fault);
        // The guard allows as many deletions as there are records. Only the check for completeness can prevent them.
        let said = enqueue(&world, &["listing", "--restart", "--allow-deletions", "230"]).await;
        said.says(1, &[]);
        let missing = said.json()["listing"]["missing"].as_i64();
        assert_eq!(missing.is_some(), !matches!(fault, ListingFault::FailedPage(_)), "{fault:?}");
        let sent = said.json()["sent"].as_i64().unwrap();
        assert!(sent < 230, "{fault:?}: the run sent only listed records: {sent}");
        drain(&world, SSO).await.says(0, &[]);
        assert_eq!(records(&world, "gone_at is not null").await, 0, "{fault:?}");
    }
    world.idp.set_listing_fault(ListingFault::None);
    enqueue(&world, &["listing", "--restart"]).await.says(0, &[]);
}

#[tokio::test]
async fn an_incomplete_listing_of_okta_deletes_no_record() {
    let world = World::start().await;
    let org = OktaSimulator::start().await;
    for number in 0..450 {
        org.put_user(okta::SimulatedUser::new(&format!("00u{number:05}")));
    }
    let (url, token) = (org.base_url(), org.api_token());
    let settings = okta_settings(&url, token);
    let list = async || {
        let arguments = ["okta", "listing", "--restart", "--allow-deletions", "450", "--json"];
        world.run_job(BINARY, SSO, &arguments, &settings).await
    };
    list().await.says(0, &[]);
    world.run_job(unit_binary(SSO), SSO, &[], &settings).await.says(0, &[]);
    for fault in FAULTS {
        org.set_listing_fault(fault);
        let said = list().await;
        said.says(1, &[]);
        assert!(said.json()["sent"].as_i64() < Some(450), "{fault:?}");
    }
    assert_eq!(records(&world, "gone_at is not null").await, 0);
}

#[tokio::test]
async fn an_incomplete_listing_of_salesforce_deletes_no_record() {
    let world = World::start().await;
    world.crm.set_page_size(20);
    for number in 0..50 {
        world.crm.put_contact(SimulatedContact::new(&contact_id(number)));
    }
    let list = async || {
        let arguments = ["salesforce", "listing", "--restart", "--allow-deletions", "50", "--json"];
        world.run_job(BINARY, CRM, &arguments, &[]).await
    };
    list().await.says(0, &[]);
    drain(&world, CRM).await.says(0, &[]);
    for fault in FAULTS {
        world.crm.set_listing_fault(fault);
        let said = list().await;
        said.says(1, &[]);
        assert!(said.json()["sent"].as_i64() < Some(50), "{fault:?}");
    }
    assert_eq!(records(&world, "gone_at is not null").await, 0);
}

#[tokio::test]
async fn the_next_run_resumes_from_the_page_that_failed() {
    let world = World::start().await;
    known_users(&world, 230).await;
    world.idp.set_listing_fault(ListingFault::FailedPage(3));
    enqueue(&world, &["listing"]).await.says(1, &["run again to resume from this page"]);
    world.idp.set_listing_fault(ListingFault::None);
    let asked = world.idp.total_requests();
    let said = enqueue(&world, &["listing"]).await;
    said.says(0, &[]);
    assert_eq!((said.json()["resumed"].as_bool(), said.json()["sent"].as_i64()), (Some(true), Some(230)));
    assert_eq!(world.idp.total_requests() - asked, 1, "the first run has read the other two pages");
}

#[tokio::test]
async fn a_resync_request_stays_open_until_a_complete_listing() {
    let world = World::start().await;
    known_users(&world, 230).await;
    sqlx::query("insert into resync_request (source, cause) values ('auth0', gen_random_uuid())")
        .execute(&world.pool)
        .await
        .unwrap();
    world.idp.set_listing_fault(ListingFault::RepeatedPage(2));
    enqueue(&world, &["requested"]).await.says(1, &["the listing was incomplete"]);
    world.idp.set_listing_fault(ListingFault::None);
    let said = enqueue(&world, &["requested"]).await;
    said.says(0, &[]);
    assert_eq!(said.json()["sent"], 230);
    assert_eq!(enqueue(&world, &["requested"]).await.json()["sent"], 0);
}

/// A deleted user shifts the users behind it forward. So one user moves to a page that the run has already read.
#[tokio::test]
async fn a_user_who_moves_to_an_earlier_page_is_not_stored_as_gone() {
    let world = World::start().await;
    known_users(&world, 230).await;
    world.idp.set_listing_fault(ListingFault::FailedPage(2));
    enqueue(&world, &["listing"]).await.says(1, &["run again to resume from this page"]);
    world.idp.set_listing_fault(ListingFault::None);
    world.idp.delete(&id(3));
    let said = enqueue(&world, &["listing", "--allow-deletions", "230"]).await;
    let listing = &said.json()["listing"];
    let whole = listing["listed"] == 230 && listing["unproven"].is_null();
    assert!(
        whole || said.code == Some(1),
        "a user is missing, but the job treats the listing as complete: {said:?}"
    );
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(records(&world, "gone_at is not null and external_id <> 'auth0|u00003'").await, 0);
    enqueue(&world, &["listing", "--restart"]).await.says(0, &[]);
    drain(&world, SSO).await.says(0, &[]);
    assert_eq!(
        records(&world, "gone_at is not null").await,
        1,
        "the next listing is complete and finds the deleted user"
    );
}
