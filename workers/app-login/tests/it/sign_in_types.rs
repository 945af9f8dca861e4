//! Which entries of Auth0's log count, and which are dropped.

use local_stack::wait_until;
use serde_json::{Value, json};
use simulators::NativeEvent;
use simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, Setup, World};

use crate::{BINARY, UNIT, count_of, counted, with_id_only};

const ADA: &str = "auth0|ada";

/// The event of a sign-in on an existing session, as the rule keeps it: of this type, and without a strategy.
fn on_a_session(world: &World, code: &str) -> NativeEvent {
    let event = world.idp.sign_in(ADA, "portal");
    let mut detail: Value = serde_json::from_str(&event.detail).unwrap();
    let data = detail["data"].as_object_mut().unwrap();
    data.retain(|name, _| matches!(name.as_str(), "date" | "client_id" | "user_id"));
    data.insert("type".to_owned(), json!(code));
    NativeEvent { detail: detail.to_string(), ..event }
}

#[tokio::test]
async fn sign_ins_on_an_existing_session_need_no_read_of_the_log() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    world.idp.put_user(SimulatedUser::new(ADA));
    for number in 0..60 {
        world.deliver(&on_a_session(&world, if number % 2 == 0 { "s" } else { "sens" })).await;
    }
    counted(&world, ADA, 60).await;
    assert_eq!(world.idp.log_requests(), 0);
    world.settled(UNIT).await;
}

/// The topology's rules let them through, too.
const CHOSEN: &str = r#"
    [sources.auth0]
    role = "sso"
    connector = "auth0"
    url = "https://auth0.example"
    client_id = "none"
    client_secret = { secret = "none" }
    sign_ins = ["s", "ssa", "sertft"]
    partner_sources = [
        "aws.partner/auth0.com/coppice-sim-5e0b7c1a-92d4-4f0e-8a36-1b7d20c9e4f3/auth0.events",
        "aws.partner/auth0.com/coppice-sim-5e0b7c1a-92d4-4f0e-8a36-1b7d20c9e4f3/auth0.logs",
    ]
"#;

#[tokio::test]
async fn silent_authentication_and_refresh_tokens_count_only_if_they_are_chosen() {
    let default = Setup::DEFAULT.with_emulator();
    for (setup, settings, expected) in [
        (default, &[][..], 1),
        (default.with_sources(CHOSEN), &[("sources.auth0.sign_ins", r#"["s", "ssa", "sertft"]"#)], 41),
    ] {
        let world = World::start_with(setup).await;
        let _worker = world.start_worker(BINARY, UNIT, settings).await;
        world.idp.put_user(SimulatedUser::new(ADA));
        for code in ["ssa", "sertft"].iter().cycle().take(40) {
            world.deliver(&on_a_session(&world, code)).await;
        }
        world.deliver(&world.idp.sign_in(ADA, "portal")).await;
        counted(&world, ADA, expected).await;
        world.settled(UNIT).await;
        assert_eq!(count_of(&world, ADA).await, Some(expected));
        assert_eq!(world.idp.log_requests(), 0);
    }
}

#[tokio::test]
async fn an_entry_that_names_no_user_is_read_once_and_dropped_with_a_warning() {
    let world = World::start_with_emulator().await;
    let worker = world.start_worker(BINARY, UNIT, &[]).await;
    world.idp.put_user(SimulatedUser::new(ADA));
    let event = with_id_only(&world.idp.sign_in(ADA, "portal"));
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    let entry = json!({"type": "s", "date": "2026-11-29T15:10:42Z", "client_id": "portal"});
    world.idp.set_reply(detail["log_id"].as_str().unwrap(), Some((200, entry.to_string())));
    world.deliver(&event).await;
    let dropped = async || {
        let count = worker.metric("coppice_sign_ins_dropped_total", r#"reason="not_named""#).await;
        Ok((count == 1.0).then_some(()))
    };
    wait_until(PATIENCE, "the sign-in to be dropped", dropped).await.unwrap();
    world.settled(UNIT).await;
    assert_eq!((world.idp.log_requests(), count_of(&world, ADA).await), (1, None));
}
