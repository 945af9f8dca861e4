//! Requests for one session, held until a test lets them go.
//!
//! The verification provider's simulator has no gate, only a delay for all answers. So the gate is the identity
//! provider's: a request waits at it as soon as the worker has asked for the session, whose answer is as late as
//! [`HELD`]. When the gate opens the delay ends for later requests. `Gate::arrived` thus means what it says, and a test
//! has [`HELD`] for whatever must happen before the answer.

use std::time::Duration;

use testkit::World;
use testkit::simulators::auth0::{Auth0Control, Gate};
use testkit::simulators::identity::{Fault, IdentityControl};

/// Shorter than the patience of a worker whose requests are held, and longer than it takes to stop a database.
const HELD: Duration = Duration::from_secs(4);

/// Holds requests for this session.
pub(crate) fn hold(world: &World, id: &str) -> Gate {
    let gate = world.idp.hold(id);
    world.verifier.set_fault(Fault::Slow(HELD));
    tokio::spawn(wait_at_the_gate(world.idp.clone(), world.verifier.clone(), id.to_owned()));
    gate
}

async fn wait_at_the_gate(idp: Auth0Control, verifier: IdentityControl, id: String) {
    let token = token(&idp).await;
    // Ends with the test's runtime, if the worker never asks.
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    while verifier.requests_for(&id) == 0 {
        looks.tick().await;
    }
    let url = format!("{}/api/v2/users/{id}", idp.base_url());
    reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap();
    verifier.set_fault(Fault::None);
}

async fn token(idp: &Auth0Control) -> String {
    let credentials = serde_json::json!({
        "grant_type": "client_credentials", "audience": idp.audience(),
        "client_id": idp.client_id(), "client_secret": idp.client_secret(),
    });
    let request = reqwest::Client::new().post(format!("{}/oauth/token", idp.base_url())).json(&credentials);
    let reply: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    reply["access_token"].as_str().unwrap().to_owned()
}
