//! What the rules take of Salesforce's event relay.

use serde_json::{Value, json};

use crate::route::{Feed, Partner, Route};

pub(super) const PARTNER: Partner = Partner {
    prefix: super::events::PARTNER_SOURCES,
    forwards: || json!({"payload": {"ChangeEventHeader": {"entityName": [{"exists": true}]}}}),
};

pub(super) const ROUTES: &[Route] = &[
    // The header identifies a change event. The vendor fills it for gap and overflow events too. The `detail-type` is the name
    // of the event's type and differs for custom objects.
    Route {
        name: "changes",
        about: "Salesforce change data capture by event relay",
        feed: Feed::Records,
        detail: changes,
        keeps: &[
            "payload.ChangeEventHeader.entityName",
            "payload.ChangeEventHeader.recordIds",
            "payload.ChangeEventHeader.changeType",
            "payload.ChangeEventHeader.commitTimestamp",
            "payload.ChangeEventHeader.commitNumber",
            "payload.ChangeEventHeader.transactionKey",
            "payload.ChangeEventHeader.sequenceNumber",
        ],
    },
];

fn changes(_: &Value) -> Value {
    let there = || json!([{"exists": true}]);
    json!({"payload": {"ChangeEventHeader": {
        "entityName": there(),
        "recordIds": there(),
        "changeType": there(),
        "commitTimestamp": there(),
        "commitNumber": there(),
        "transactionKey": there(),
        "sequenceNumber": there()
    }}})
}
