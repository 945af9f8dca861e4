//! `coppice config`.

use serde_json::json;
use tempfile::NamedTempFile;

use crate::world::{SOURCES, World, run_alone, run_alone_with};

const DEFAULT_POLICY: &str = include_str!("../../../../crates/authority/src/default-policy.toml");

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// A file that prefers the CRM for addresses.
const OTHER: &str = r#"
    [fields.email]
    type = "email"
    from = ["crm", "sso"]
"#;

fn other() -> NamedTempFile {
    file(&format!("{SOURCES}{OTHER}"))
}

fn same() -> NamedTempFile {
    file(SOURCES)
}

#[test]
fn config_check_needs_no_database_and_lists_every_fault() {
    let sound = file(&format!("{SOURCES}{DEFAULT_POLICY}"));
    let path = sound.path().to_str().unwrap();
    run_alone(&["config", "check", path]).says(&["the file can be used"]);
    assert_eq!(run_alone(&["config", "check", path, "--json"]).json(), json!({"faults": []}));

    let faulty = file(
        &DEFAULT_POLICY
            .replace("\"crm\"]", "\"the CRM\"]")
            .replace("[fields.display_name]\ntype = \"text\"", "[fields.hat]"),
    );
    let path = faulty.path().to_str().unwrap();
    let text = run_alone(&["config", "check", path]);
    assert_eq!((text.code, text.err.as_str()), (1, ""));
    for part in ["fault(s):", "fields.email: \"the CRM\"", "fields.hat.type: is missing"] {
        assert!(text.out.contains(part), "{part}\nin {}", text.out);
    }
    let faults = run_alone(&["config", "check", path, "--json"]).json()["faults"].as_array().unwrap().len();
    assert_eq!(text.out.lines().count(), faults + 1);
    let misplaced = file("# a comment\n[fields]\nemail = \"sso\"\n");
    let text = run_alone(&["config", "check", misplaced.path().to_str().unwrap()]);
    assert!(text.code == 1 && text.out.contains("line 3, column 1: "), "{}", text.out);
    assert!(text.out.contains("fields.email: must be a table"), "{}", text.out);
    let absent = run_alone(&["config", "check", "/nowhere"]);
    assert_eq!((absent.code, absent.err.trim_end()), (2, "coppice: /nowhere: the file does not exist"));
    let schema = run_alone(&["config", "schema"]);
    assert!(schema.out.contains("\"title\": \"coppice.toml\""), "{}", schema.out);
}

#[test]
fn config_from_environment_writes_what_the_variables_of_the_release_before_said() {
    let before = [
        ("COPPICE_SSO_PROVIDER", "auth0"),
        ("COPPICE_SSO_TIMEOUT_SECS", "7"),
        ("COPPICE_AUTH0_URL", "https://example.eu.auth0.com"),
        ("COPPICE_AUTH0_CLIENT_ID", "5f3759df"),
        ("COPPICE_AUTH0_CLIENT_SECRET", "hunter2-auth0"),
        ("COPPICE_AUTH0_SIGN_INS", "s,ssa"),
        ("COPPICE_AUTH0_WEBHOOK_SECRETS", "hunter2-old,hunter2-new"),
        ("COPPICE_SALESFORCE_URL", "https://example.my.salesforce.com"),
        ("COPPICE_SALESFORCE_CLIENT_ID", "3MVG9"),
        ("COPPICE_SALESFORCE_CLIENT_SECRET", "hunter2-salesforce"),
        ("COPPICE_IDENTITY_PROVIDER", "stripe"),
        ("COPPICE_STRIPE_API_KEY", "hunter2-stripe"),
        ("COPPICE_STRIPE_DATE_OF_BIRTH", "true"),
        (
            "COPPICE_POLICY",
            "[crm]\npush = [\"email\"]\n[fields.phone]\ntype = \"phone\"\nfrom = [\"salesforce\"]",
        ),
    ];
    let written = run_alone_with(&["config", "from-environment"], &before);
    written.says(&[
        "# The secret auth0-client-secret is what COPPICE_AUTH0_CLIENT_SECRET was.\n",
        "# The secret auth0-webhook-2 is what part 2 of COPPICE_AUTH0_WEBHOOK_SECRETS was.\n",
        "[push.salesforce]\nfields = [\"email\"]\n",
        "sign_ins = [\"s\", \"ssa\"]\n",
        "timeout_secs = 7\n",
        "date_of_birth = true\n",
    ]);
    assert!(!written.out.contains("hunter2"), "{}", written.out);
    let file = file(&written.out);
    run_alone(&["config", "check", file.path().to_str().unwrap()]).says(&["the file can be used"]);

    let without = before.iter().filter(|(name, _)| *name != "COPPICE_AUTH0_URL").copied().collect::<Vec<_>>();
    let faulty = run_alone_with(&["config", "from-environment"], &without);
    assert!(faulty.code == 1 && faulty.err.contains("sources.auth0.url: is missing"), "{}", faulty.err);
    let none = run_alone_with(&["config", "from-environment"], &[]);
    assert!(none.code == 2 && none.err.contains("COPPICE_SSO_PROVIDER"), "{}", none.err);
}

#[tokio::test]
async fn config_what_if_counts_changes_with_a_sample_and_writes_nothing() {
    let world = World::start().await;
    let other = other();
    let path = other.path().to_str().unwrap();
    let ada = world.person_of("auth0:auth0|ada");
    let text = world.run(&["config", "what-if", path, "--batch", "1"]);
    text.says(&[
        "2 of 3 persons would change; nothing was written\n  email: 1\n",
        "source auth0 is new: 2 record(s) of 2 person(s)\n",
        &format!("for example\n  person {ada}\n    email: ada@idp -> ada@crm, from salesforce by \"crm\""),
    ]);
    let preview = world.run(&["config", "what-if", path, "--sample", "0", "--json"]).json();
    let added = |source: &str, count: u32| json!({"source": source, "change": "added", "records": count, "persons": count});
    let expected = json!({"persons": 3, "would_change": 2, "by_field": {"email": 1}, "sample": [], "written": false,
        "sources": [added("auth0", 2), added("salesforce", 2)], "to_reread": {}});
    assert_eq!(preview, expected);
    assert_eq!(world.run(&["config", "apply", path, "--json"]).json(), expected, "a dry run");
    let mapped =
        file(&SOURCES.replace(
            "connector = \"auth0\"\n",
            "connector = \"auth0\"\nmap.phone = \"/user_metadata/phone\"\n",
        ));
    let text = world.run(&["config", "what-if", mapped.path().to_str().unwrap()]);
    text.says(&[
        "source auth0: 2 record(s) were read by another map. A resync of the kind listing reads them again\n",
    ]);
    assert!(!text.out.contains("source salesforce: "), "{}", text.out);
    world.run(&["person", "show", &ada]).says(&["email: ada@idp"]);
    assert_eq!(world.run(&["config", "history"]).out.trim_end(), "no version was applied");
}

#[tokio::test]
async fn config_apply_changes_and_announces_persons_once_and_keeps_the_history() {
    let world = World::start().await;
    let other = other();
    let path = other.path().to_str().unwrap();
    let before = world.count("outbox").await;
    let text = world.run(&["config", "apply", path, "--batch", "2", "--author", "Ada", "--yes"]);
    text.says(&["version 1: 2 of 3 persons changed, in 2 batch(es)\napplied by Ada\nannounced with cause "]);
    assert_eq!(world.count("outbox").await, before + 2);
    world.run(&["person", "show", "salesforce:c-ada"]).says(&["email: ada@crm", "revision 3"]);
    world.run(&["person", "why", "email", "salesforce:c-ada"]).says(&["the policy says: ada@crm"]);
    let apply = |more: &[&str]| {
        world
            .run(&[&["config", "apply", path, "--yes", "--author", "Ada", "--json"][..], more].concat())
            .json()
    };
    let done = apply(&[]);
    assert_eq!((&done["version"], &done["persons"]), (&json!(1), &json!(0)), "all were computed");
    let again = apply(&["--again"]);
    assert_eq!((&again["persons"], &again["changed"]), (&json!(3), &json!(0)));

    let same = same();
    let text = world.run(&["config", "apply", same.path().to_str().unwrap(), "--author", "Bob", "--yes"]);
    text.says(&["version 2: 2 of 3 persons changed"]);
    world.run(&["person", "show", "salesforce:c-ada"]).says(&["email: ada@idp"]);
    world
        .run(&["config", "diff", "2", "1"])
        .says(&["fields.email.from: [\"sso when verified\",\"sso\",\"crm\"] -> [\"crm\",\"sso\"]\n"]);
    world.run(&["config", "diff", path, "1"]).says(&["both say the same"]);
    let back = world.run(&["config", "rollback", "1", "--author", "Ada", "--yes"]);
    back.says(&["version 3: 2 of 3 persons changed"]);
    let history = world.run(&["config", "history"]);
    let lines: Vec<&str> = history.out.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("3  "), "{}", history.out);
    assert!(lines[0].ends_with("  by Ada, version 1 again"), "{}", history.out);
    assert!(lines[1].ends_with("  by Bob"), "{}", history.out);
    world.run(&["config", "show"]).says(&[
        "[\"crm\", \"sso\"]",
        "[sources.auth0]\n",
        "connector = \"auth0\"\n",
    ]);
    let effective = world.run(&["config", "show", "2", "--effective"]);
    effective.says(&["[\"sso when verified\", \"sso\", \"crm\"]", "region = \"US\""]);
    assert_eq!(world.run(&["config", "show", "9"]).code, 3);

    for (arguments, part) in [
        (&["config", "apply", path, "--yes"][..], "--author is missing"),
        (&["config", "apply", path, "--author", "coppice:x", "--yes"], "begins the names"),
        (&["config", "rollback", "9", "--author", "Ada", "--yes"], "no version 9 was applied"),
    ] {
        let refused = world.run(arguments);
        assert!(refused.code != 0 && refused.err.contains(part), "{part}: {}", refused.err);
    }
    let faulty = file("[fields.email]\n[fields.phone]\nfrom = []");
    let refused =
        world.run(&["config", "apply", faulty.path().to_str().unwrap(), "--yes", "--author", "Ada"]);
    assert_eq!(refused.code, 2);
    for part in ["fields.email.type: is missing", "fields.phone.type: is missing"] {
        assert!(refused.err.contains(part), "{}", refused.err);
    }
}

#[tokio::test]
async fn a_source_that_a_file_lacks_keeps_its_records_and_values_and_a_new_field_needs_the_owner() {
    let world = World::start().await;
    let both = same();
    world
        .run(&["config", "apply", both.path().to_str().unwrap(), "--author", "Ada", "--yes"])
        .says(&["version 1"]);
    let without = SOURCES.split("    [sources.salesforce]").next().unwrap();
    let without = file(without);
    let path = without.path().to_str().unwrap();
    world.run(&["config", "what-if", path]).says(&[
        "0 of 3 persons would change",
        "source salesforce is no longer there. What was read of it stays",
        ": 2 record(s) of 2 person(s)",
    ]);
    world
        .run(&["config", "apply", path, "--author", "Ada", "--yes"])
        .says(&["version 2: 0 of 3 persons changed"]);
    world.run(&["person", "show", "salesforce:c-ada"]).says(&["given_name: Ada, from salesforce:c-ada"]);

    let more = file(&format!("{SOURCES}\n[fields.hat]\ntype = \"text\"\nfrom = [\"crm\"]\n"));
    let arguments = ["config", "apply", more.path().to_str().unwrap(), "--author", "Ada", "--yes"];
    let refused = world.run(&arguments);
    assert!(refused.code == 1 && refused.err.contains("42501"), "{}", refused.err);
    world.run(&["config", "history", "--limit", "1"]).says(&["2  "]);
    world.run_as_owner(&arguments).says(&["version 3: 0 of 3 persons changed"]);
    assert_eq!(world.count("hats").await, 0, "the view has the column");
}
