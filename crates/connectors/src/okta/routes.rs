//! What the rules take of Okta's System Log.

use serde_json::{Value, json};

use crate::route::{Feed, Partner, Route};

pub(super) const PARTNER: Partner = Partner {
    prefix: "aws.partner/okta.com/",
    forwards: || json!({"eventType": [{"prefix": "user."}, {"prefix": "app."}]}),
};

pub(super) const ROUTES: &[Route] = &[
    // Only the first target: the number of targets varies, and a pattern cannot match it. If its type is not `User`, the worker
    // dead-letters the event; its uuid says where to look. The other fields of a target are a login and a name.
    Route {
        name: "user",
        about: "Okta system log, lifecycle or account of a user",
        feed: Feed::Records,
        detail: user,
        keeps: &["uuid", "eventType", "published", "target[0].id", "target[0].type"],
    },
    Route {
        name: "user-no-target",
        about: "The same types without a target: the user is the actor",
        feed: Feed::Records,
        detail: user_no_target,
        keeps: &["uuid", "eventType", "published", "actor.id", "actor.type"],
    },
    // The user is the actor; the first target is the application.
    Route {
        name: "sign-on",
        about: "Okta system log, sign-ons to an application that succeeded",
        feed: Feed::SignIns,
        detail: sign_on,
        keeps: &[
            "uuid",
            "eventType",
            "published",
            "outcome.result",
            "actor.id",
            "actor.type",
            "target[0].id",
            "target[0].type",
        ],
    },
    Route {
        name: "session",
        about: "Okta system log, sign-ons that name no application",
        feed: Feed::SignIns,
        detail: session,
        keeps: &["uuid", "eventType", "published", "outcome.result", "actor.id", "actor.type"],
    },
];

const SIGN_ONS: [&str; 2] = ["user.authentication.sso", "app.oauth2.signon"];

fn there() -> Value {
    json!([{"exists": true}])
}

fn named() -> Value {
    json!({"id": there(), "type": there()})
}

fn no_target() -> Value {
    json!({"id": [{"exists": false}]})
}

fn changes() -> Value {
    json!([{"prefix": "user.lifecycle."}, {"prefix": "user.account."}])
}

fn user(_: &Value) -> Value {
    json!({"uuid": there(), "published": there(), "eventType": changes(), "target": named()})
}

fn user_no_target(_: &Value) -> Value {
    json!({
        "uuid": there(),
        "published": there(),
        "eventType": changes(),
        "actor": named(),
        "target": no_target()
    })
}

fn sign_on(_: &Value) -> Value {
    json!({
        "uuid": there(),
        "published": there(),
        "eventType": SIGN_ONS,
        "outcome": {"result": ["SUCCESS"]},
        "actor": named(),
        "target": named()
    })
}

fn session(_: &Value) -> Value {
    json!({
        "uuid": there(),
        "published": there(),
        "outcome": {"result": ["SUCCESS"]},
        "actor": named(),
        "$or": [
            {"eventType": ["user.session.start"]},
            {"eventType": SIGN_ONS, "target": no_target()}
        ]
    })
}
