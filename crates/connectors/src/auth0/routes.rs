//! What the rules take of Auth0's streams. `detail-type` is not matched: the vendor documents none for event streams.

use serde::Deserialize;
use serde_json::{Value, json};

use super::sign_in::SignInTypes;
use crate::route::{Feed, Partner, Route};

pub(super) const PARTNER: Partner = Partner {
    prefix: super::events::PARTNER_SOURCES,
    forwards: || json!({"$or": [{"type": [{"prefix": "user."}]}, {"log_id": [{"exists": true}]}]}),
};

pub(super) const ROUTES: &[Route] = &[
    Route {
        name: "stream",
        about: "Auth0 event stream, users",
        feed: Feed::Records,
        detail: stream,
        keeps: &["id", "type", "time", "data.object.user_id", "data.object.updated_at"],
    },
    Route {
        name: "log",
        about: "Auth0 log stream, codes whose user_id is the user that changed",
        feed: Feed::Records,
        detail: log,
        keeps: &["log_id", "data.type", "data.date", "data.user_id", "data.strategy", "data.strategy_type"],
    },
    Route {
        name: "log-no-strategy",
        about: "The same codes, without the strategy that completes a bare user_id",
        feed: Feed::Records,
        detail: log_no_strategy,
        keeps: &["log_id", "data.type", "data.date", "data.user_id"],
    },
    // No user is named: the worker dead-letters the event. Its log_id says where to look.
    Route {
        name: "log-no-user",
        about: "The same codes, without a user_id",
        feed: Feed::Records,
        detail: log_no_user,
        keeps: &["log_id", "data.type", "data.date"],
    },
    // `data.user_id` is the administrator who acted, so it is left out; the user is in the path. Links, unlinks and blocks have
    // no code of their own and arrive only this way.
    Route {
        name: "management",
        about: "Auth0 log stream, a write to a user by the management API",
        feed: Feed::Records,
        detail: management,
        keeps: &[
            "log_id",
            "data.type",
            "data.date",
            "data.details.request.method",
            "data.details.request.path",
        ],
    },
    // The path names the account that stays. The account that is linked into it, and is no user any more, is only in the body:
    // an ID of two parts.
    Route {
        name: "management-link",
        about: "The same, with a second account, as in a link",
        feed: Feed::Records,
        detail: management_link,
        keeps: &[
            "log_id",
            "data.type",
            "data.date",
            "data.details.request.method",
            "data.details.request.path",
            "data.details.request.body.provider",
            "data.details.request.body.user_id",
        ],
    },
    // When a user is created, the path has no ID: only the response has it.
    Route {
        name: "management-create",
        about: "Auth0 log stream, a user created by the management API",
        feed: Feed::Records,
        detail: |_| management_create(true),
        keeps: &[
            "log_id",
            "data.type",
            "data.date",
            "data.details.request.method",
            "data.details.request.path",
            "data.details.response.body.user_id",
        ],
    },
    // No user is named: the worker dead-letters it, as above.
    Route {
        name: "management-create-no-user",
        about: "The same, without the ID",
        feed: Feed::Records,
        detail: |_| management_create(false),
        keeps: &[
            "log_id",
            "data.type",
            "data.date",
            "data.details.request.method",
            "data.details.request.path",
        ],
    },
    Route {
        name: "log",
        about: "Auth0 log stream, types that the source's sign_ins choose",
        feed: Feed::SignIns,
        detail: sign_in,
        keeps: &[
            "log_id",
            "data.type",
            "data.date",
            "data.client_id",
            "data.user_id",
            "data.strategy",
            "data.strategy_type",
        ],
    },
    // On an existing session Auth0 writes no strategy. It completes a bare user_id only, so the worker seldom needs it.
    Route {
        name: "log-no-strategy",
        about: "The same codes, without the strategy",
        feed: Feed::SignIns,
        detail: sign_in_no_strategy,
        keeps: &["log_id", "data.type", "data.date", "data.client_id", "data.user_id"],
    },
    // The worker looks the log entry up by its log_id.
    Route {
        name: "log-incomplete",
        about: "The same codes, without the user or the application",
        feed: Feed::SignIns,
        detail: sign_in_incomplete,
        keeps: &["log_id", "data.type", "data.date"],
    },
];

/// Sign-up, email verified, email, phone or user name changed, deleted, unblocked. Sign-ins are not here: they change nothing that
/// we store about a person.
const CHANGES: [&str; 7] = ["ss", "sv", "sce", "scpn", "scu", "sdu", "ublkdu"];

fn there() -> Value {
    json!([{"exists": true}])
}

fn missing() -> Value {
    json!([{"exists": false}])
}

fn stream(_: &Value) -> Value {
    json!({
        "id": there(),
        "type": [{"prefix": "user."}],
        "time": there(),
        "data": {"object": {"user_id": there(), "updated_at": there()}}
    })
}

/// A log entry of these types, with more about its `data`.
fn entry(types: &[&str], more: Value) -> Value {
    let mut data = json!({"type": types, "date": there()});
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    json!({"log_id": there(), "data": data})
}

fn no_strategy() -> Value {
    json!([{"strategy": missing()}, {"strategy_type": missing()}])
}

fn log(_: &Value) -> Value {
    entry(&CHANGES, json!({"user_id": there(), "strategy": there(), "strategy_type": there()}))
}

fn log_no_strategy(_: &Value) -> Value {
    entry(&CHANGES, json!({"user_id": there(), "$or": no_strategy()}))
}

fn log_no_user(_: &Value) -> Value {
    entry(&CHANGES, json!({"user_id": missing()}))
}

fn management(_: &Value) -> Value {
    entry(
        &["sapi"],
        json!({"details": {"request": {
            "method": there(),
            "path": [{"prefix": "/api/v2/users/"}],
            "$or": [{"body": {"provider": missing()}}, {"body": {"user_id": missing()}}]
        }}}),
    )
}

fn management_link(_: &Value) -> Value {
    entry(
        &["sapi"],
        json!({"details": {"request": {
            "method": there(),
            "path": [{"prefix": "/api/v2/users/"}],
            "body": {"provider": there(), "user_id": there()}
        }}}),
    )
}

fn management_create(with_user: bool) -> Value {
    let user_id = if with_user { there() } else { missing() };
    entry(
        &["sapi"],
        json!({"details": {
            "request": {"method": there(), "path": ["/api/v2/users"]},
            "response": {"body": {"user_id": user_id}}
        }}),
    )
}

fn sign_in_entry(settings: &Value, more: Value) -> Value {
    // The settings were checked: a list that cannot be read is none.
    let chosen = settings.get("sign_ins").and_then(|chosen| SignInTypes::deserialize(chosen).ok());
    entry(chosen.unwrap_or_default().codes(), more)
}

fn sign_in(settings: &Value) -> Value {
    let more =
        json!({"user_id": there(), "client_id": there(), "strategy": there(), "strategy_type": there()});
    sign_in_entry(settings, more)
}

fn sign_in_no_strategy(settings: &Value) -> Value {
    sign_in_entry(settings, json!({"user_id": there(), "client_id": there(), "$or": no_strategy()}))
}

fn sign_in_incomplete(settings: &Value) -> Value {
    sign_in_entry(settings, json!({"$or": [{"user_id": missing()}, {"client_id": missing()}]}))
}
