//! `coppice person`.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn person_show_prints_the_source_of_each_value_and_the_other_assertions() {
    let world = World::start().await;
    let id = world.person_of("auth0:auth0|ada");
    let text = world.run(&["person", "show", &id]);
    text.says(&[
        &format!("person {id}\nactive, revision 2, changed "),
        "  email: ada@idp (verified), from auth0:auth0|ada version 2026-11-24T10:00:00Z by \"sso when verified\"\n    \
         salesforce:c-ada version 2026-11-24T10:00:00Z says: ada@crm\n",
        "  given_name: Ada, from salesforce:c-ada version 2026-11-24T10:00:00Z by \"crm\"\n    \
         auth0:auth0|ada version 2026-11-24T10:00:00Z says: Addy\n",
        "records\n  auth0:auth0|ada (sso) version 2026-11-24T10:00:00Z, changed here 20",
        "\n  salesforce:c-ada (crm) version ",
        "identities\n  auth0|ada, from record auth0:auth0|ada\n",
        ", external_key, by coppice:salesforce\n",
    ]);
    let by_record = world.run(&["person", "show", "salesforce:c-ada"]);
    assert_eq!(by_record.out, text.out);
    let shown = world.run(&["person", "show", &id, "--json"]).json();
    assert_eq!((&shown["status"], &shown["revision"]), (&json!("active"), &json!(2)));
    let mut email = shown["fields"][0].clone();
    assert!(email["changed_at"].take().as_str().is_some_and(|at| at.starts_with("20")), "{shown}");
    assert_eq!(
        email,
        json!({"field": "email", "value": "ada@idp", "source": "auth0", "external_id": "auth0|ada",
            "version_at": "2026-11-24T10:00:00Z", "changed_at": null, "rule": "sso when verified",
            "others": [{"source": "salesforce", "external_id": "c-ada", "version_at": "2026-11-24T10:00:00Z",
                "value": "ada@crm"}]})
    );
}

#[tokio::test]
async fn person_why_prints_for_each_rule_whether_it_admits_a_record_and_why() {
    let world = World::start().await;
    let text = world.run(&["person", "why", "given_name", "auth0:auth0|ada"]);
    text.says(&[
        "1. identity when verified\n   auth0:auth0|ada version 2026-11-24T10:00:00Z: the rule is about other sources\n",
        "2. crm\n   auth0:auth0|ada version 2026-11-24T10:00:00Z: the rule is about other sources\n   \
         salesforce:c-ada version 2026-11-24T10:00:00Z: won (Ada)\n",
        "3. sso\n   auth0:auth0|ada version 2026-11-24T10:00:00Z: admitted, but a rule above has won (Addy)\n",
        "the policy says: Ada",
    ]);
    assert!(!text.out.contains("the row says"));
    let why = world.run(&["person", "why", "given_name", "auth0:auth0|ada", "--json"]).json();
    assert_eq!(why["stored"], json!("Ada"));
    assert_eq!(why["rules"][1]["rule"], json!("crm"));
    assert_eq!(why["rules"][1]["tried"][1]["standing"], json!("won"));
}

#[tokio::test]
async fn a_missing_person_causes_exit_code_3_and_wrong_usage_exit_code_2() {
    let world = World::start().await;
    let missing = world.run(&["person", "show", "salesforce:missing"]);
    assert_eq!((missing.code, missing.out.as_str()), (3, ""));
    assert!(missing.err.contains("no record \"missing\" of \"salesforce\""), "{}", missing.err);
    assert_eq!(world.run(&["person", "show", "01890000-0000-7000-8000-000000000000"]).code, 3);
    assert_eq!(world.run(&["person", "show", "ada"]).code, 2);
    let settings = crate::world::run_alone(&["person", "show", "salesforce:c-ada"]);
    assert_eq!(settings.code, 2);
    assert!(settings.err.contains("DATABASE_URL: is not set"), "{}", settings.err);
}
