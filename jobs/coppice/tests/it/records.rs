//! `coppice record`.

use postgres_store::RecordState;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn missing_records_are_listed_and_keep_their_values() {
    let world = World::start().await;
    world.run(&["record", "list", "--missing"]).says(&["no record is missing"]);
    world.read_as("c-ada", RecordState::Missing).await;
    world
        .run(&["record", "list", "--missing"])
        .says(&["salesforce c-ada, missing since 20", "their values stay"]);
    let listed = world.run(&["record", "list", "--missing", "--source", "salesforce", "--json"]).json();
    assert_eq!(listed[0]["external_id"], json!("c-ada"));
    assert_eq!(world.run(&["record", "list", "--missing", "--source", "auth0", "--json"]).json(), json!([]));
    world.run(&["person", "show", "salesforce:c-ada"]).says(&["phone: +1"]);
}

#[tokio::test]
async fn a_missing_record_that_an_operator_knows_to_be_deleted_is_marked_as_gone_until_it_is_found() {
    let world = World::start().await;
    let early = world.run(&["record", "gone", "salesforce", "c-ada"]);
    assert_eq!(early.code, 3);
    assert!(early.err.contains("is missing: see coppice record list --missing"), "{}", early.err);
    world.read_as("c-ada", RecordState::Missing).await;
    world.run(&["record", "gone", "salesforce", "c-ada", "--dry-run"]).says(&["would be stored as gone"]);
    world.run(&["record", "list", "--missing"]).says(&["salesforce c-ada, missing since"]);
    world.run(&["record", "gone", "salesforce", "c-ada"]).says(&["salesforce c-ada is stored as gone"]);
    world.run(&["record", "list", "--missing"]).says(&["no record is missing"]);
    assert!(!world.run(&["person", "show", "auth0:auth0|ada"]).out.contains("phone: +1"));
    let found = RecordState::Present {
        record: json!({"email": "ada@crm", "given_name": "Ada", "phone": "+1"}),
        external_key: Some(String::from("P-1")),
        identities: Vec::new(),
    };
    world.read_as("c-ada", found).await;
    world.run(&["person", "show", "auth0:auth0|ada"]).says(&["phone: +1"]);
}

#[tokio::test]
async fn a_record_that_is_gone_by_mistake_is_restored_by_the_next_reading() {
    let world = World::start().await;
    world.read_as("c-ada", RecordState::Gone { merged_into: None, proved: true }).await;
    let found = || RecordState::Present {
        record: json!({"email": "ada@crm", "given_name": "Ada", "phone": "+1"}),
        external_key: Some(String::from("P-1")),
        identities: Vec::new(),
    };
    world.read_as("c-ada", found()).await;
    assert!(
        !world.run(&["person", "show", "auth0:auth0|ada"]).out.contains("phone: +1"),
        "its version is not newer"
    );
    world.run(&["record", "restore", "salesforce", "c-ada", "--dry-run"]).says(&["would be restored"]);
    world.read_as("c-ada", found()).await;
    assert!(!world.run(&["person", "show", "auth0:auth0|ada"]).out.contains("phone: +1"));
    world
        .run(&["record", "restore", "salesforce", "c-ada"])
        .says(&["salesforce c-ada is restored when it is found"]);
    world.read_as("c-ada", found()).await;
    world.run(&["person", "show", "auth0:auth0|ada"]).says(&["phone: +1"]);
    let again = world.run(&["record", "restore", "salesforce", "c-ada"]);
    assert_eq!(again.code, 3);
    assert!(again.err.contains("is stored as gone"), "{}", again.err);
}
