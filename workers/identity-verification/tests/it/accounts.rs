//! Events of other accounts: their sessions are read as those accounts, or their events are refused with a reason.

use simulators::NativeEvent;
use testkit::World;

use crate::{BINARY, UNIT};

const SESSION: &str = "vs_connected";

/// An event of a connected account through the bus, as Stripe sends it.
async fn deliver(world: &World, live: bool) {
    let kind = "identity.verification_session.verified";
    let detail = format!(
        r#"{{"id":"evt_7","object":"event","account":"acct_1Connected7","created":1796000000,"livemode":{live},"type":"{kind}",
            "data":{{"object":{{"id":"{SESSION}","object":"identity.verification_session","status":"verified"}}}}}}"#
    );
    let own = world.verifier_server.put_session("vs_of_the_key", None).partner_event();
    world.deliver(&NativeEvent { detail_type: kind.to_owned(), detail, ..own }).await;
}

#[tokio::test]
async fn an_event_of_another_account_is_dead_lettered_with_the_setting_and_leaves_no_tombstone() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    deliver(&world, true).await;
    let [message] = &world.dead_letters(UNIT, 1).await[..] else { panic!("one message") };
    assert_eq!(message.attributes["coppice.class"], "unreadable");
    assert!(message.attributes["coppice.detail"].contains("account"));
    world.settled(UNIT).await;
    let rows: i64 =
        sqlx::query_scalar("select count(*) from source_record").fetch_one(&world.pool).await.unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn an_event_of_the_connected_account_that_the_setting_names_is_read() {
    let world = World::start_with_emulator().await;
    world.verifier_server.put_session(SESSION, None);
    let account = [("sources.stripe.account", "acct_1Connected7")];
    let _worker = world.start_worker(BINARY, UNIT, &account).await;
    deliver(&world, false).await;
    world.person_where(SESSION, |_| true).await;
    world.settled(UNIT).await;
}
