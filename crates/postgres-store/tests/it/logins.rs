//! Sign-ins: each counted once, in whatever order and however often it comes.

use event_contract::{EventKind, Hop, TraceContext};
use postgres_store::ReadingResult::{Applied, Unchanged};
use postgres_store::{Announce, Login, StoreError};
use uuid::Uuid;

use crate::SOURCE;
use crate::database::{Database, at, found, gone};

fn login(event: &str, user: &str, application: &str, milliseconds: i64) -> Login {
    let announce = Announce {
        cause: Uuid::now_v7(),
        hop: Hop::OUTSIDE.next().unwrap(),
        traceparent: TraceContext::start(),
    };
    let (event_id, user_id, application_id) = (event.to_owned(), user.to_owned(), application.to_owned());
    Login { event_id, user_id, application_id, at: at(milliseconds), announce }
}

const COUNTS: &str = "select login.external_id || ' ' || application.external_id || ' ' || count || ' ' \
    || extract(epoch from last_at - first_at)::bigint from login join application using (application_id) order by 1";

/// Physical versions: any write changes them.
const ROWS: &str = "select 'login ' || xmin::text || ctid::text as row from login \
    union all select 'application ' || xmin::text || ctid::text from application \
    union all select 'event ' || xmin::text || ctid::text from login_event \
    union all select 'outbox ' || xmin::text || ctid::text from outbox order by 1";

fn week() -> Vec<Login> {
    vec![
        login("1", "ada", "portal", 5_000),
        login("2", "ada", "portal", 2_000),
        login("3", "ada", "shop", 4_000),
        login("4", "bo", "portal", 1_000),
        login("5", "ada", "portal", 9_000),
    ]
}

#[tokio::test]
async fn sign_ins_are_counted_by_user_and_application_and_announced_once_a_row() {
    let database = Database::start().await;
    assert_eq!(database.store.record_logins(SOURCE, &week()).await.unwrap(), [Applied; 5]);
    assert_eq!(database.texts(COUNTS).await, ["ada portal 3 7", "ada shop 1 0", "bo portal 1 0"]);
    assert_eq!(database.count("select count(*) from application").await, 2);
    let announced = "select kind || ' ' || (revision = count) from outbox join login on login_id = entity_id";
    let kind = EventKind::AppLoginRecorded.detail_type();
    assert_eq!(database.texts(announced).await, vec![format!("{kind} true"); 3]);
}

#[tokio::test]
async fn a_counted_sign_in_changes_no_row_in_any_order_or_batch() {
    let database = Database::start().await;
    for login in week().iter().rev() {
        let login = std::slice::from_ref(login);
        assert_eq!(database.store.record_logins(SOURCE, login).await.unwrap(), [Applied]);
    }
    assert_eq!(database.texts(COUNTS).await, ["ada portal 3 7", "ada shop 1 0", "bo portal 1 0"]);
    let rows = database.texts(ROWS).await;
    assert_eq!(database.store.record_logins(SOURCE, &week()).await.unwrap(), [Unchanged; 5]);
    assert_eq!(database.texts(ROWS).await, rows);
    assert_eq!(database.store.record_logins(SOURCE, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn of_one_sign_in_twice_in_a_batch_the_first_counts() {
    let database = Database::start().await;
    let twice = [login("1", "ada", "portal", 1_000), login("1", "ada", "portal", 1_000)];
    assert_eq!(database.store.record_logins(SOURCE, &twice).await.unwrap(), [Applied, Unchanged]);
    // The same ID at another source is another sign-in.
    assert_eq!(database.store.record_logins("other", &twice[..1]).await.unwrap(), [Applied]);
    assert_eq!(database.count("select sum(count)::bigint from login").await, 2);
    assert_eq!(database.count("select count(*) from application").await, 2);
}

#[tokio::test]
async fn pods_that_count_the_same_sign_ins_at_the_same_time_count_each_once() {
    let database = Database::start().await;
    let logins: Vec<Login> = (0..200)
        .map(|number| {
            let user = format!("user {}", number % 7);
            login(&number.to_string(), &user, &format!("application {}", number % 3), number)
        })
        .collect();
    let mut backwards = logins.clone();
    backwards.reverse();
    let pod = async |logins: Vec<Login>| {
        let mut applied = 0;
        for batch in logins.chunks(9) {
            let results = database.store.record_logins(SOURCE, batch).await.unwrap();
            applied += results.iter().filter(|result| **result == Applied).count();
        }
        applied
    };
    let counted = tokio::join!(pod(logins.clone()), pod(backwards), pod(logins));
    assert_eq!(counted.0 + counted.1 + counted.2, 200);
    assert_eq!(database.count("select sum(count)::bigint from login").await, 200);
    assert_eq!(database.count("select count(*) from login").await, 21);
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_nothing() {
    let database = Database::start().await;
    let refused = [login("1", "ada", "portal", 1_000), login("2", "a\0da", "portal", 1_000)];
    let error = database.store.record_logins(SOURCE, &refused).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    assert_eq!(database.count("select count(*) from login_event").await, 0);
}

#[tokio::test]
async fn sign_ins_follow_their_record_from_person_to_person() {
    let database = Database::start().await;
    database.store.record_logins(SOURCE, &week()).await.unwrap();
    let mine =
        "select count || ' ' || extract(epoch from last_at - first_at)::bigint from person_login order by 1";
    assert_eq!(database.texts(mine).await.len(), 0, "the users have not been read");
    database.apply(&[found("ada", "ada", Some(1_001), 1), found("bo", "bo", Some(1_001), 2)]).await;
    assert_eq!(database.texts(mine).await, ["1 0", "1 0", "3 7"]);
    let moved = "update source_record set person_id = (select person_id from source_record where external_id = 'ada')";
    database.execute(moved).await;
    assert_eq!(database.texts(mine).await, ["1 0", "4 8"], "of two users of one person, the sum");
}

#[tokio::test]
async fn a_record_that_was_read_is_known_even_if_gone() {
    let database = Database::start().await;
    database.apply(&[found("ada", "ada", Some(1_001), 1), gone("bo", None, 2)]).await;
    let asked = ["ada", "bo", "cy", "n\0l"].map(String::from);
    let unknown = database.store.unknown_records(SOURCE, &asked).await.unwrap();
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), ["cy", "n\0l"]);
    assert_eq!(database.store.unknown_records("other", &asked).await.unwrap().len(), 4);
}

#[tokio::test]
async fn every_sign_in_of_a_batch_counts_on_a_row_that_is_there() {
    let database = Database::start().await;
    let week = week();
    database.store.record_logins(SOURCE, &week[..1]).await.unwrap();
    database.store.record_logins(SOURCE, &week).await.unwrap();
    assert_eq!(database.texts(COUNTS).await, ["ada portal 3 7", "ada shop 1 0", "bo portal 1 0"]);
}

#[tokio::test]
async fn sign_ins_of_a_record_without_a_person_are_no_person_s() {
    let database = Database::start().await;
    database.store.record_logins(SOURCE, &week()).await.unwrap();
    database.apply(&[gone("ada", None, 1)]).await;
    assert_eq!(database.count("select count(*) from person_login").await, 0);
}
