//! `cargo xtask person`: lists, adds and changes persons at the simulated identity provider of a running `cargo xtask up`.
//!
//! `up` serves [`router`] on a loopback port and writes its address to [`ADDRESS_FILE`]; `cargo xtask person` calls it. A
//! change at the provider sends its event, as the vendor would. Must not know: the database.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use simulators::auth0::SimulatedUser;
use testkit::World;

use crate::commands::workspace;

/// File with the address of the running stack, under the checkout.
const ADDRESS_FILE: &str = "target/up-address";

/// A command for the identity provider.
#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// List the persons of the identity provider.
    List,
    /// Add a person, as if they signed up.
    Add {
        /// A short name, such as `dora`: the user is `auth0|dora`.
        name: String,
        #[command(flatten)]
        values: Values,
    },
    /// Change a person.
    Change {
        /// The short name, or the whole ID (`auth0|ada`).
        name: String,
        #[command(flatten)]
        values: Values,
    },
}

/// The values to set. All other values stay.
#[derive(Debug, Default, Args, Serialize, Deserialize)]
pub(crate) struct Values {
    /// The email address.
    #[arg(long)]
    email: Option<String>,
    /// The given name.
    #[arg(long)]
    given_name: Option<String>,
    /// The family name.
    #[arg(long)]
    family_name: Option<String>,
    /// The phone number.
    #[arg(long)]
    phone: Option<String>,
    /// Block the person (`true`), or unblock them (`false`).
    #[arg(long)]
    blocked: Option<bool>,
}

/// A person at the provider.
#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    id: String,
    #[serde(flatten)]
    values: Values,
}

/// Runs a command against the running stack.
///
/// # Errors
/// When no stack runs, or there is no such person.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(command: PersonCommand) -> anyhow::Result<()> {
    let address = fs::read_to_string(file()).context("no local stack runs here: start `cargo xtask up`")?;
    let base = format!("http://{address}/persons");
    let http = reqwest::Client::new();
    let request = match &command {
        PersonCommand::List => http.get(&base),
        PersonCommand::Add { name, values } => http.post(format!("{base}/{}/add", id_of(name))).json(values),
        PersonCommand::Change { name, values } => http.post(format!("{base}/{}", id_of(name))).json(values),
    };
    let reply = request.send().await;
    let reply =
        reply.with_context(|| format!("no local stack answers at {address}: start `cargo xtask up`"))?;
    let status = reply.status();
    if !status.is_success() {
        bail!("{}", reply.text().await.unwrap_or_default());
    }
    for person in reply.json::<Vec<Listed>>().await? {
        println!("{}", line(&person));
    }
    if !matches!(command, PersonCommand::List) {
        println!("the identity provider has stored it and sent its event");
    }
    Ok(())
}

/// Serves [`router`] for `world` until the process ends, and writes the address to [`ADDRESS_FILE`].
///
/// # Errors
/// When there is no free port, or the file cannot be written.
pub(crate) async fn serve(world: Arc<World>) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    fs::write(file(), address.to_string()).with_context(|| format!("cannot write {ADDRESS_FILE}"))?;
    tokio::spawn(async move { axum::serve(listener, router(world)).await });
    Ok(address)
}

fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/persons", get(list))
        .route("/persons/{id}", post(change))
        .route("/persons/{id}/add", post(add))
        .with_state(world)
}

async fn list(State(world): State<Arc<World>>) -> Json<Vec<Listed>> {
    Json(world.idp.users().into_iter().map(listed).collect())
}

async fn add(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Json(values): Json<Values>,
) -> Result<Json<Vec<Listed>>, (StatusCode, String)> {
    if world.idp.user(&id).is_some() {
        return Err((StatusCode::CONFLICT, format!("{id} exists already: use `cargo xtask person change`")));
    }
    let mut user = SimulatedUser::new(&id);
    set(&mut user, values);
    world.deliver(&world.idp.put_user(user.clone()).stream_event()).await;
    Ok(Json(vec![listed(user)]))
}

async fn change(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    Json(values): Json<Values>,
) -> Result<Json<Vec<Listed>>, (StatusCode, String)> {
    let Some(mut user) = world.idp.user(&id) else {
        let known: Vec<String> = world.idp.users().into_iter().map(|user| user.user_id).collect();
        let message = format!("the identity provider has no {id}; it has {}", known.join(", "));
        return Err((StatusCode::NOT_FOUND, message));
    };
    set(&mut user, values);
    world.deliver(&world.idp.put_user(user.clone()).stream_event()).await;
    Ok(Json(vec![listed(user)]))
}

fn set(user: &mut SimulatedUser, values: Values) {
    user.email = values.email.or(user.email.take());
    user.given_name = values.given_name.or(user.given_name.take());
    user.family_name = values.family_name.or(user.family_name.take());
    user.phone_number = values.phone.or(user.phone_number.take());
    user.blocked = values.blocked.or(user.blocked);
}

fn listed(user: SimulatedUser) -> Listed {
    let values = Values {
        email: user.email,
        given_name: user.given_name,
        family_name: user.family_name,
        phone: user.phone_number,
        blocked: user.blocked,
    };
    Listed { id: user.user_id, values }
}

fn line(person: &Listed) -> String {
    let Values { email, given_name, family_name, phone, blocked } = &person.values;
    let names = [given_name, family_name].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let blocked = if *blocked == Some(true) { "  blocked" } else { "" };
    format!(
        "{:<20} {names:<28} {:<32} {}{blocked}",
        person.id,
        email.as_deref().unwrap_or("-"),
        phone.as_deref().unwrap_or("-")
    )
}

fn id_of(name: &str) -> String {
    if name.contains('|') { name.to_owned() } else { format!("auth0|{name}") }
}

fn file() -> PathBuf {
    workspace().join(ADDRESS_FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_an_option_stay() {
        let mut user = SimulatedUser::new("auth0|ada");
        user.phone_number = Some(String::from("+1"));
        set(&mut user, Values { email: Some(String::from("a@example.org")), ..Values::default() });
        assert_eq!(
            (user.email.as_deref(), user.phone_number.as_deref(), user.blocked),
            (Some("a@example.org"), Some("+1"), None)
        );
    }

    #[test]
    fn a_short_name_becomes_an_auth0_id() {
        assert_eq!([id_of("ada"), id_of("google-oauth2|7")], ["auth0|ada", "google-oauth2|7"]);
    }
}
