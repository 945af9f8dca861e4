//! `coppice person`.

use serde_json::json;

use crate::world::{World, record_state};

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
        "  birthdate (sensitive): no source has a value\n",
        "records\n  auth0:auth0|ada (sso) version 2026-11-24T10:00:00Z, changed here 20",
        "\n  salesforce:c-ada (crm) version ",
        "identities\n  auth0|ada, from record auth0:auth0|ada\n",
        ", external_key, by coppice:salesforce\n",
    ]);
    let by_record = world.run(&["person", "show", "salesforce:c-ada"]);
    assert_eq!(by_record.out, text.out);
    let shown = world.run(&["person", "show", &id, "--json"]).json();
    assert_eq!((&shown["status"], &shown["revision"]), (&json!("active"), &json!(2)));
    let fields = shown["fields"].as_array().unwrap();
    let names: Vec<&str> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
    let declared =
        ["birthdate", "display_name", "email", "family_name", "given_name", "mailing_address", "phone"];
    assert_eq!(names, declared, "every field of the policy");
    let mut email = fields[2].clone();
    assert!(email["changed_at"].take().as_str().is_some_and(|at| at.starts_with("20")), "{shown}");
    assert_eq!(
        email,
        json!({"field": "email", "class": "personal", "masked": false, "value": "ada@idp", "source": "auth0", "external_id": "auth0|ada",
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

/// A file that adds a field and makes two sensitive.
const MORE_FIELDS: &str = r#"
    [fields.preferred_language]
    type = "code"
    values = ["en", "sv"]
    class = "public"
    from = ["crm", "sso"]
    [fields.phone]
    type = "phone"
    class = "sensitive"
    from = ["crm"]
    [fields.given_name]
    type = "text"
    class = "sensitive"
    from = ["sso"]
"#;

const ANOTHER: &str = "insert into config_version (version, policy, sources, hash, author) \
    select max(version) + 1, '', '{}', sha256('another'), 'another' from config_version";

#[tokio::test]
async fn a_field_of_the_policy_file_is_shown_and_explained_and_a_sensitive_one_is_masked() {
    let world = World::start().await;
    let policy = world.with_policy(MORE_FIELDS);
    let record = json!({"preferred_language": "tlh", "phone": "+1", "given_name": "Ada", "email": "ada@crm"});
    world.read_as("c-ada", record_state(record)).await;
    world
        .read_account(
            "auth0|ada",
            json!({"email": "ada@idp", "email_verified": true, "preferred_language": "SV"}),
        )
        .await;
    world
        .run_as_owner(&["config", "apply", policy.path(), "--author", "Ada", "--yes"])
        .says(&[" of 3 persons changed"]);

    let text = policy.run(&["person", "show", "auth0:auth0|ada"]);
    text.says(&[
        "  preferred_language (public): SV, from auth0:auth0|ada ",
        "    salesforce:c-ada version 2026-11-24T10:00:00Z says: tlh\n",
        "  phone (sensitive): ***, from salesforce:c-ada ",
    ]);
    assert!(!text.out.contains("+1") && !text.out.contains("Ada"), "{}", text.out);
    let revealed = policy.run(&["person", "show", "auth0:auth0|ada", "--reveal"]);
    revealed.says(&["  phone (sensitive): +1, from salesforce:c-ada "]);
    let shown = policy.run(&["person", "show", "auth0:auth0|ada", "--json"]).json();
    let phone = &shown["fields"].as_array().unwrap()[6];
    assert_eq!(
        (&phone["class"], &phone["masked"], &phone["value"]),
        (&json!("sensitive"), &json!(true), &json!("***"))
    );

    let why = policy.run(&["person", "why", "preferred_language", "auth0:auth0|ada"]);
    why.says(&[
        "1. crm\n",
        "its value does not fit the type of the field, and counts as missing (tlh)",
        "won (SV)",
    ]);
    let why = policy.run(&["person", "why", "phone", "auth0:auth0|ada"]);
    why.says(&["won (***)", "the policy says: ***"]);
    assert!(!why.out.contains("+1") && !why.out.contains("the row says"), "{}", why.out);
    policy.run(&["person", "why", "phone", "auth0:auth0|ada", "--reveal"]).says(&["won (+1)"]);
    let unknown = policy.run(&["person", "why", "hat", "auth0:auth0|ada"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("unknown field \"hat\"; the fields are birthdate, "), "{}", unknown.err);

    // A version that lacks the field counts from the moment that it is stored; persons are computed by it afterwards.
    sqlx::query(ANOTHER).execute(&world.pool).await.unwrap();
    let old = world.run(&["person", "show", "auth0:auth0|ada"]);
    old.says(&["  preferred_language (not in the policy): ***, from auth0:auth0|ada "]);
    sqlx::query("delete from config_version where author = 'another'").execute(&world.pool).await.unwrap();
    let text = policy.run(&["config", "what-if", policy.path(), "--json"]).json();
    assert_eq!(text["would_change"], json!(0), "it is applied");
    let without = world.with_policy("# The built-in fields only.");
    let masked = without.run(&["config", "what-if", without.path(), "--sample", "5"]);
    masked.says(&["    preferred_language: *** -> nothing\n"]);
    let revealed = without.run(&["config", "what-if", without.path(), "--sample", "5", "--reveal"]);
    revealed.says(&["    preferred_language: SV -> nothing\n"]);
}
