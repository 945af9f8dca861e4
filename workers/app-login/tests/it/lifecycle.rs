//! Sign-ins of users that the database has, and their counts.

use event_contract::EventKind;
use simulators::NativeEvent;
use simulators::auth0::SimulatedUser;
use testkit::World;

use crate::{BINARY, UNIT, counted, texts, with_id_only};

const ADA: &str = "auth0|ada";

/// Every row with its physical version, which any write changes.
const ROWS: &str = "select 'login ' || xmin::text || ctid::text || count as row from login \
    union all select 'application ' || xmin::text || ctid::text from application \
    union all select 'event ' || xmin::text || ctid::text from login_event order by 1";

const COUNTS: &str = "select application.external_id || ' ' || count || ' ' || (first_at < last_at) \
    from login join application using (application_id) order by 1";

/// Whether `first_at` and `last_at` are the times of the first and the last sign-in.
const SPAN: &str = "select ((select min(first_at) from login) = (select min(at) from login_event) \
    and (select max(last_at) from login) = (select max(at) from login_event))::text";

/// Sign-ins of a new user: two to the portal, one to the shop, one to the portal again.
fn sign_ins(world: &World) -> Vec<NativeEvent> {
    world.idp.put_user(SimulatedUser::new(ADA));
    ["portal", "portal", "shop", "portal"].map(|application| world.idp.sign_in(ADA, application)).to_vec()
}

#[tokio::test]
async fn the_worker_counts_sign_ins_by_application_and_a_replay_changes_no_row() {
    let world = World::start_with_emulator().await;
    let worker = world.start_worker(BINARY, UNIT, &[]).await;
    let events = sign_ins(&world);
    for event in &events {
        world.deliver(event).await;
    }
    counted(&world, ADA, 4).await;
    world.settled(UNIT).await;
    assert_eq!(texts(&world, COUNTS).await, ["portal 3 true", "shop 1 false"]);
    assert_eq!(texts(&world, SPAN).await, ["true"]);
    let mine = "select application.external_id || ' ' || count from person_login \
        join application using (application_id) join source_record using (person_id) order by 1";
    assert_eq!(texts(&world, mine).await, ["portal 3", "shop 1"], "the person's are the user's");

    let logins = texts(&world, "select login_id::text from login").await;
    let announced = world.announcements(3).await;
    let of_logins = announced.iter().filter(|(kind, _)| *kind == EventKind::AppLoginRecorded);
    let mut latest = 0;
    for (_, event) in of_logins {
        assert!(logins.contains(&event.entity_id.to_string()));
        assert_eq!(event.hop.get(), 1);
        latest = latest.max(event.revision);
    }
    assert_eq!(latest, 3, "the revision is the count");

    let rows = texts(&world, ROWS).await;
    let announced = announced.len();
    for event in &events {
        world.deliver(event).await;
        world.deliver(&with_id_only(event)).await;
    }
    let unchanged = async || {
        Ok((worker.metric("coppice_messages_settled_total", "unchanged").await >= 8.0).then_some(()))
    };
    local_stack::wait_until(testkit::PATIENCE, "the replay to be handled", unchanged).await.unwrap();
    world.settled(UNIT).await;
    assert_eq!(texts(&world, ROWS).await, rows);
    assert_eq!(world.announcements(announced).await.len(), announced);
}

#[tokio::test]
async fn sign_ins_out_of_order_keep_the_first_and_the_last_time() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    let events = sign_ins(&world);
    for (sent, event) in events.iter().rev().enumerate() {
        world.deliver(event).await;
        counted(&world, ADA, i64::try_from(sent).unwrap() + 1).await;
    }
    assert_eq!(texts(&world, COUNTS).await, ["portal 3 true", "shop 1 false"]);
    assert_eq!(texts(&world, SPAN).await, ["true"]);
    world.settled(UNIT).await;
}

#[tokio::test]
async fn the_worker_reads_the_log_entry_when_the_event_has_only_its_id() {
    let world = World::start_with_emulator().await;
    let _worker = world.start_worker(BINARY, UNIT, &[]).await;
    world.idp.put_user(SimulatedUser::new(ADA));
    let event = world.idp.sign_in(ADA, "portal");
    world.deliver(&with_id_only(&event)).await;
    counted(&world, ADA, 1).await;
    assert_eq!(world.idp.log_requests(), 1);
    world.person_where(ADA, |person| person.status == "active").await;

    world.deliver(&world.idp.sign_in(ADA, "portal")).await;
    counted(&world, ADA, 2).await;
    assert_eq!(
        world.idp.log_requests(),
        1,
        "the worker does not look up an event that holds the whole entry"
    );
    world.settled(UNIT).await;
}

#[tokio::test]
async fn no_personal_value_is_in_any_queue_event_log_line_or_metric() {
    let world = World::start_with_emulator().await;
    let settings = [("COPPICE_LOG", "debug"), ("COPPICE_MAX_ATTEMPTS", "1")];
    let worker = world.start_worker(BINARY, UNIT, &settings).await;
    let broken = "auth0|broken";
    let personal = [ADA, broken].map(|id| SimulatedUser::new(id).personal_values()).concat();
    assert!(personal.len() >= 6);
    world.idp.set_status(broken, Some(500));
    for id in [ADA, broken] {
        world.idp.put_user(SimulatedUser::new(id));
        world.deliver(&world.idp.sign_in(id, "portal")).await;
    }
    let stored = world.person_where(ADA, |_| true).await;
    assert!(personal.contains(&stored.email.unwrap()), "the marked values are the real ones");
    counted(&world, ADA, 1).await;
    world.dead_letters(UNIT, 1).await;
    world.settled(UNIT).await;
    let (log, metrics) = (worker.log(), worker.get("metrics").await.unwrap().1);
    for value in &personal {
        assert!(!world.proxy.transcript_contains(value), "{value} was in a message");
        assert!(
            !log.contains(value.as_str()) && !metrics.contains(value.as_str()),
            "{value} is in a log or a metric"
        );
    }
    let rows = "select login::text from login union all select login_event::text from login_event \
        union all select application::text from application";
    let rows = texts(&world, rows).await;
    assert!(personal.iter().all(|value| rows.iter().all(|row| !row.contains(value.as_str()))));
}
