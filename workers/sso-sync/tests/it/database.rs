//! A database that is silent or read-only, and how the worker responds.

use std::time::{Duration, Instant};

use local_stack::{NetworkPath, Tools, wait_until};
use simulators::auth0::SimulatedUser;
use sqlx::PgPool;
use testkit::{PATIENCE, Setup, Worker, World};
use tokio::time::timeout;

use crate::{BINARY, UNIT, known_user, start};

const DRAIN_LIMIT: Duration = Duration::from_secs(8);

async fn readiness_is(worker: &Worker, status: u16, words: &str) {
    wait_until(PATIENCE, "an answer of /readyz", async || {
        let answer = worker.get("readyz").await;
        Ok(answer.is_some_and(|(code, text)| code == status && text.contains(words)).then_some(()))
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}\n{}", worker.log()));
}

async fn deliver(world: &World, id: &str) {
    world.deliver(&world.idp.put_user(SimulatedUser::new(id)).stream_event()).await;
}

/// The database and the port of its server.
fn place(url: &str) -> (&str, u16) {
    let (server, database) = url.rsplit_once('/').unwrap();
    (database, server.rsplit_once(':').unwrap().1.parse().unwrap())
}

/// As if its machine had lost its power: no connection is reset.
async fn silent(world: &World) -> (NetworkPath, Worker) {
    let path = NetworkPath::to(place(world.database_url()).1).await.unwrap();
    let settings = [("DATABASE_URL", path.through(&world.database_url_of(UNIT)))];
    let [database] = settings.each_ref().map(|(name, url)| (*name, url.as_str()));
    let worker = start(world, &[database, ("COPPICE_DRAIN_LIMIT_SECS", "8")]).await;
    known_user(world, "auth0|known").await;
    assert_eq!(worker.metric("coppice_database_writable", "").await, 1.0);
    path.go_silent();
    deliver(world, "auth0|ada").await;
    readiness_is(&worker, 503, "within the time limit").await;
    (path, worker)
}

#[tokio::test]
async fn a_worker_whose_database_is_silent_is_unready_and_works_when_it_answers_again() {
    let world = World::start_with_emulator().await;
    let (path, worker) = silent(&world).await;
    assert_eq!(worker.metric("coppice_database_writable", "").await, 0.0);
    assert_eq!(worker.get("livez").await.unwrap().0, 200, "a restart would not help");
    path.lead_to(place(world.database_url()).1);
    world.person_where("auth0|ada", |_| true).await;
    readiness_is(&worker, 200, "").await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn a_worker_whose_database_is_silent_ends_within_its_drain_limit() {
    let world = World::start_with_emulator().await;
    let (_path, mut worker) = silent(&world).await;
    worker.process.terminate().unwrap();
    let begun = Instant::now();
    worker.process.wait(PATIENCE).await.unwrap_or_else(|error| panic!("{error:#}\n{}", worker.log()));
    assert!(
        begun.elapsed() < DRAIN_LIMIT + Duration::from_secs(1),
        "{:?}\n{}",
        begun.elapsed(),
        worker.log()
    );
}

#[tokio::test]
async fn a_worker_that_is_stopped_while_it_waits_for_its_database_at_start_ends_at_once() {
    let world = World::start().await;
    let path = NetworkPath::to(place(world.database_url()).1).await.unwrap();
    path.go_silent();
    let url = path.through(&world.database_url_of(UNIT));
    let mut worker = world.spawn_worker(BINARY, UNIT, &[("DATABASE_URL", &url)]);
    timeout(PATIENCE, path.used()).await.unwrap();
    worker.process.terminate().unwrap();
    assert_eq!(worker.exit_code().await, Some(0), "{}", worker.log());
}

#[tokio::test]
async fn a_worker_whose_database_takes_no_writes_is_unready_and_loses_no_message() {
    let world = World::start_with_emulator().await;
    let worker = start(&world, &[]).await;
    known_user(&world, "auth0|known").await;
    let (database, _) = place(world.database_url());
    let statement = |change: &str| {
        sqlx::AssertSqlSafe(format!("begin read write; alter database \"{database}\" {change}; commit"))
    };
    let end_sessions = "select pg_terminate_backend(pid) from pg_stat_activity \
                        where application_name = 'coppice' and datname = current_database()";
    sqlx::raw_sql(statement("set default_transaction_read_only = on")).execute(&world.pool).await.unwrap();
    sqlx::raw_sql(end_sessions).execute(&world.pool).await.unwrap();
    deliver(&world, "auth0|ada").await;
    readiness_is(&worker, 503, "it is read-only").await;
    assert_eq!(worker.metric("coppice_database_writable", "").await, 0.0);

    sqlx::raw_sql(statement("reset default_transaction_read_only")).execute(&world.pool).await.unwrap();
    world.person_where("auth0|ada", |_| true).await;
    readiness_is(&worker, 200, "").await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn a_standby_that_is_promoted_under_load_loses_no_message_and_condemns_none() {
    let mut world = World::start_with(Setup::DEFAULT.with_own_database_server()).await;
    let path = NetworkPath::to(place(world.database_url()).1).await.unwrap();
    let url = path.through(&world.database_url_of(UNIT));
    let worker = start(&world, &[("DATABASE_URL", &url)]).await;
    let tools = Tools::locate_or_install(|line| eprintln!("{line}")).unwrap();
    let standby = world.database.server().start_standby(&tools).await.unwrap();
    let ids: Vec<String> = (0..400).map(|number| format!("auth0|{number:03}")).collect();
    let events =
        ids.iter().map(|id| world.idp.put_user(SimulatedUser::new(id)).stream_event().to_envelope_json());
    world.enqueue_all(UNIT, &events.collect::<Vec<_>>()).await.unwrap();
    world.person_where(&ids[0], |_| true).await;

    // As when the machine loses its power: the worker's connections get no answer.
    path.go_silent();
    let before: i64 = sqlx::query_scalar("select count(*) from person").fetch_one(&world.pool).await.unwrap();
    assert!(before < 400, "{before}: the load ended too early");
    world.database.fail_over_to(standby).await.unwrap();
    world.pool = PgPool::connect_lazy(world.database_url()).unwrap();
    let after: i64 = sqlx::query_scalar("select count(*) from person").fetch_one(&world.pool).await.unwrap();
    assert!(after >= before, "{after} of {before}");
    path.lead_to(world.database.server().port());

    for id in &ids {
        world.person_where(id, |_| true).await;
    }
    world.settled(UNIT).await;
    readiness_is(&worker, 200, "").await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn a_locked_table_stops_the_worker_and_condemns_no_message() {
    let world = World::start().await;
    let worker = start(&world, &[]).await;
    let ids: Vec<String> = (0..20).map(|number| format!("auth0|{number:02}")).collect();
    let mut lock = world.pool.begin().await.unwrap();
    sqlx::query("lock table person in access exclusive mode").execute(&mut *lock).await.unwrap();
    for id in &ids {
        let created = world.idp.put_user(SimulatedUser::new(id));
        world.enqueue(UNIT, &created.stream_event().to_envelope_json()).await;
    }
    readiness_is(&worker, 503, "receiving is stopped").await;
    worker.has_nothing_in_flight().await;
    let failures: i64 =
        sqlx::query_scalar("select count(*) from message_failure").fetch_one(&world.pool).await.unwrap();
    assert_eq!((failures, world.dead_letters(UNIT, 0).await.len()), (0, 0));
    lock.rollback().await.unwrap();
    for id in &ids {
        world.person_where(id, |_| true).await;
    }
    world.settled(UNIT).await;
    readiness_is(&worker, 200, "").await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}
