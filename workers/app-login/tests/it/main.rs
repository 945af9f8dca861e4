//! `app-login` as deployed: the real binary with a real queue, database and bus, and a simulated provider that misbehaves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_cases;
mod lifecycle;
mod okta;
mod sign_in_types;
mod unknown_users;

use local_stack::wait_until;
use simulators::NativeEvent;
use sqlx::AssertSqlSafe;
use testkit::{PATIENCE, World};

const BINARY: &str = env!("CARGO_BIN_EXE_app-login");

const UNIT: &str = "app-login";

/// How often a user has signed in, to all applications together. `None`: never.
async fn count_of(world: &World, user: &str) -> Option<i64> {
    let sum = "select sum(count)::bigint from login where external_id = $1";
    sqlx::query_scalar(sum).bind(user).fetch_one(&world.pool).await.ok().flatten()
}

/// Waits until the database counts this many sign-ins of a user.
async fn counted(world: &World, user: &str, count: i64) {
    let there = async || Ok((count_of(world, user).await == Some(count)).then_some(()));
    wait_until(PATIENCE, "the sign-ins to be counted", there).await.unwrap();
}

/// Rows of text, in the order of the query.
async fn texts(world: &World, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&world.pool).await.unwrap()
}

/// The same event with only the ID of the log entry.
fn with_id_only(event: &NativeEvent) -> NativeEvent {
    let mut detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap();
    let data = detail["data"].as_object_mut().unwrap();
    data.remove("client_id");
    data.remove("user_id");
    NativeEvent { detail: detail.to_string(), ..event.clone() }
}
