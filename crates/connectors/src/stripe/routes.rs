//! What the rules take of Stripe's events. `type` of the event is also its `detail-type`.

use serde_json::{Value, json};

use crate::route::{Feed, Partner, Route};

pub(super) const PARTNER: Partner = Partner {
    prefix: super::events::PARTNER_SOURCES,
    forwards: || json!({"type": [{"prefix": "identity."}]}),
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        name: "sessions",
        about: "Stripe Identity",
        feed: Feed::Records,
        detail: |_| session(false),
        keeps: &["id", "type", "created", "livemode", "data.object.id", "data.object.object"],
    },
    // The worker reads one account. It dead-letters the events of any other, with the setting that chooses it.
    Route {
        name: "connected",
        about: "Stripe Identity, events of connected accounts",
        feed: Feed::Records,
        detail: |_| session(true),
        keeps: &["id", "type", "created", "livemode", "account", "data.object.id", "data.object.object"],
    },
];

fn session(of_connected_account: bool) -> Value {
    let there = || json!([{"exists": true}]);
    json!({
        "id": there(),
        "type": [{"prefix": "identity.verification_session."}],
        "created": there(),
        "livemode": there(),
        "account": [{"exists": of_connected_account}],
        "data": {"object": {"id": there(), "object": there()}}
    })
}
