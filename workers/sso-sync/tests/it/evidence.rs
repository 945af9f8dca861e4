//! Who is blamed: records that are bad for good, among good ones and alone; a fault of our set-up; an absence that proves nothing.

use local_stack::wait_until;
use simulators::EVERY_RECORD;
use simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, World};

use crate::{BINARY, UNIT, start};

/// A user without an ID: no user can be read from it.
fn unreadable() -> Option<(u16, String)> {
    Some((200, String::from(r#"{"email": "nora@example.org"}"#)))
}

async fn changed(world: &World, id: &str) {
    let change = world.idp.put_user(SimulatedUser::new(id));
    world.enqueue(UNIT, &change.stream_event().to_envelope_json()).await;
}

async fn statuses(world: &World) -> Vec<(String, i64)> {
    let counts = "select status, count(*) from person group by status order by status";
    sqlx::query_as(counts).fetch_all(&world.pool).await.unwrap()
}

#[tokio::test]
async fn eight_bad_users_one_after_another_hold_no_good_one_up() {
    let world = World::start().await;
    let bad: Vec<String> = (0..8).map(|number| format!("auth0|bad{number}")).collect();
    for id in &bad {
        world.idp.set_reply(id, unreadable());
        changed(&world, id).await;
    }
    let _worker = start(&world, &[]).await;
    let tried = async || Ok(bad.iter().all(|id| world.idp.requests_for(id) > 0).then_some(()));
    wait_until(PATIENCE, "every bad user to be read", tried).await.unwrap();
    for id in ["auth0|ada", "auth0|bob", "auth0|cyd"] {
        changed(&world, id).await;
    }
    for id in ["auth0|ada", "auth0|bob", "auth0|cyd"] {
        world.person_where(id, |person| person.status == "active").await;
    }
    for message in world.dead_letters(UNIT, 8).await {
        assert_eq!(message.attributes["coppice.class"], "provider_malformed");
        let detail = &message.attributes["coppice.detail"];
        assert!(detail.contains("went the same way"), "{detail}");
    }
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 8).await.len(), 8);
}

#[tokio::test]
async fn a_bad_user_without_other_traffic_is_condemned_by_a_known_one_that_is_read_again() {
    let world = World::start().await;
    let _worker = start(&world, &[]).await;
    changed(&world, "auth0|ada").await;
    world.person_where("auth0|ada", |_| true).await;
    world.settled(UNIT).await;
    let before = world.idp.requests_for("auth0|ada");
    world.idp.set_reply("auth0|bad", unreadable());
    changed(&world, "auth0|bad").await;
    let message = world.dead_letters(UNIT, 1).await.remove(0);
    assert_eq!(message.attributes["coppice.attempts"], "2");
    assert!(world.idp.requests_for("auth0|ada") > before, "ada is the control");
}

#[tokio::test]
async fn a_lost_permission_stops_the_worker_and_condemns_no_user() {
    let world = World::start().await;
    let worker = start(&world, &[]).await;
    for id in ["auth0|ada", "auth0|bob", "auth0|cyd"] {
        changed(&world, id).await;
        world.person_where(id, |_| true).await;
    }
    let forbidden = r#"{"statusCode":403,"error":"Forbidden","errorCode":"insufficient_scope"}"#;
    world.idp.set_reply(EVERY_RECORD, Some((403, forbidden.to_owned())));
    let ids: Vec<String> = (0..20).map(|number| format!("auth0|{number}")).collect();
    for id in &ids {
        changed(&world, id).await;
    }
    let reason = "select reason from upstream_breaker where upstream = 'auth0 (sso-sync)' and open";
    let refused =
        async || Ok(sqlx::query_scalar::<_, String>(reason).fetch_optional(&world.pool).await.unwrap());
    assert_eq!(wait_until(PATIENCE, "the breaker to open", refused).await.unwrap(), "refused");
    assert!(worker.metric("coppice_breaker_open", "auth0").await > 0.0);
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
    world.idp.set_reply(EVERY_RECORD, None);
    for id in &ids {
        world.person_where(id, |person| person.status == "active").await;
    }
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}

#[tokio::test]
async fn users_that_are_not_found_without_an_event_of_their_deletion_come_back_with_their_next_reading() {
    let world = World::start().await;
    let worker = start(&world, &[]).await;
    let ids: Vec<String> = (0..30).map(|number| format!("auth0|{number:02}")).collect();
    for id in &ids {
        changed(&world, id).await;
    }
    for id in &ids {
        world.person_where(id, |_| true).await;
    }
    // The provider shows 25 of them no more. None of their events says that they were deleted.
    let (hidden, visible) = ids.split_at(25);
    let again: Vec<String> = hidden
        .iter()
        .map(|id| world.idp.put_user(SimulatedUser::new(id)).stream_event().to_envelope_json())
        .collect();
    for id in hidden {
        world.idp.set_status(id, Some(404));
    }
    world.enqueue_all(UNIT, &again).await.unwrap();
    let missing =
        async || Ok((worker.metric("coppice_messages_settled_total", "missing").await >= 15.0).then_some(()));
    wait_until(PATIENCE, "the guard to keep the others", missing).await.unwrap();
    world.settled(UNIT).await;
    let deleted = statuses(&world).await.into_iter().find(|(status, _)| status == "deleted");
    let deleted = deleted.map_or(0, |(_, count)| count);
    assert!(deleted <= 10, "{deleted} are deleted, and the guard allows ten");
    // The mistake is fixed: the same users, in the same versions.
    for id in hidden {
        world.idp.set_status(id, None);
    }
    world.enqueue_all(UNIT, &again).await.unwrap();
    for id in &ids {
        world.person_where(id, |person| person.status == "active").await;
    }
    let missing: i64 =
        sqlx::query_scalar("select count(*) from source_record where missing_since is not null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!((missing, visible.len()), (0, 5));
}

#[tokio::test]
async fn users_that_are_not_found_while_no_other_is_stay_as_they_are() {
    let world = World::start().await;
    let mut worker = start(&world, &[]).await;
    for id in ["auth0|ada", "auth0|bob"] {
        changed(&world, id).await;
        world.person_where(id, |_| true).await;
    }
    let event = world.idp.put_user(SimulatedUser::new("auth0|ada")).stream_event().to_envelope_json();
    world.idp.set_status(EVERY_RECORD, Some(404));
    // In a new process, which has not just found a record: that would prove that others can be found.
    assert_eq!(worker.stop().await, Some(0));
    let worker = start(&world, &[]).await;
    world.enqueue(UNIT, &event).await;
    let missing =
        async || Ok((worker.metric("coppice_messages_settled_total", "missing").await > 0.0).then_some(()));
    wait_until(PATIENCE, "the user to be missing", missing).await.unwrap();
    assert_eq!(statuses(&world).await, [(String::from("active"), 2)]);
}

#[tokio::test]
async fn a_scim_server_without_a_page_about_itself_recovers_from_one_error() {
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let world = World::start().await;
    let failures = Arc::new(AtomicUsize::new(0));
    let user = |id: &str| serde_json::json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": id, "userName": id, "active": true});
    let first = Arc::clone(&failures);
    let one = move |axum::extract::Path(id): axum::extract::Path<String>| {
        let fails = id == "once" && first.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            match fails {
                true => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                false => axum::Json(user(&id)).into_response(),
            }
        }
    };
    let list = || async {
        axum::Json(serde_json::json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0, "Resources": []}))
    };
    let routes = axum::Router::new()
        .route("/Users/{id}", axum::routing::get(one))
        .route("/Users", axum::routing::get(list));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let settings = testkit::scim_settings(&url, "token");
    let _worker = world.start_worker(BINARY, UNIT, &settings).await;
    for id in ["once", "ada"] {
        let body = serde_json::json!({"id": uuid::Uuid::new_v4(), "source": "coppice.ingress.scim",
            "detail-type": "UserChanged", "time": "2026-11-30T10:00:00Z",
            "detail": {"ids": [id], "change": "changed"}});
        world.enqueue(UNIT, &body.to_string()).await;
    }
    for id in ["once", "ada"] {
        world.person_where(id, |person| person.status == "active").await;
    }
    assert_eq!(failures.load(Ordering::SeqCst), 2);
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
}
