//! `coppice policy`.

use serde_json::json;
use tempfile::NamedTempFile;

use crate::world::{World, run_alone};

const DEFAULT_POLICY: &str = include_str!("../../../../crates/authority/src/default-policy.toml");

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// A policy that prefers the CRM for addresses.
fn other_policy() -> NamedTempFile {
    file(&DEFAULT_POLICY.replace(r#"["sso when verified", "sso", "crm"]"#, r#"["crm", "sso"]"#))
}

#[test]
fn policy_check_needs_no_database_and_lists_every_fault() {
    let sound = file(DEFAULT_POLICY);
    let path = sound.path().to_str().unwrap();
    run_alone(&["policy", "check", path]).says(&["the policy can be used"]);
    assert_eq!(run_alone(&["policy", "check", path, "--json"]).json(), json!({"faults": []}));

    let faulty = file(
        &DEFAULT_POLICY
            .replace("\"crm\"]", "\"the CRM\"]")
            .replace("[fields.display_name]\ntype = \"text\"", "[fields.hat]"),
    );
    let path = faulty.path().to_str().unwrap();
    let text = run_alone(&["policy", "check", path]);
    assert_eq!((text.code, text.err.as_str()), (1, ""));
    for part in ["fault(s):", "fields.email: \"the CRM\"", "fields.hat: without a type"] {
        assert!(text.out.contains(part), "{part}\nin {}", text.out);
    }
    let faults = run_alone(&["policy", "check", path, "--json"]).json()["faults"].as_array().unwrap().len();
    assert_eq!(text.out.lines().count(), faults + 1);
    let misplaced = file("# a comment\n[fields]\nemail = \"sso\"\n");
    let text = run_alone(&["policy", "check", misplaced.path().to_str().unwrap()]);
    assert!(text.code == 1 && text.out.contains("line 3, column 9: "), "{}", text.out);
    assert!(text.out.contains("expected a table with `type`, `from`"), "{}", text.out);
    let absent = run_alone(&["policy", "check", "/nowhere"]);
    assert_eq!((absent.code, absent.err.trim_end()), (2, "coppice: /nowhere: the file does not exist"));
}

#[tokio::test]
async fn policy_what_if_counts_changes_with_a_sample_and_writes_nothing() {
    let world = World::start().await;
    let policy = other_policy();
    let path = policy.path().to_str().unwrap();
    let ada = world.person_of("auth0:auth0|ada");
    let text = world.run(&["policy", "what-if", path, "--batch", "1"]);
    text.says(&[
        "2 of 3 persons would change; nothing was written\n  email: 1\n",
        &format!("for example\n  person {ada}\n    email: ada@idp -> ada@crm, from salesforce by \"crm\""),
    ]);
    let preview = world.run(&["policy", "what-if", path, "--sample", "0", "--json"]).json();
    let expected =
        json!({"persons": 3, "would_change": 2, "by_field": {"email": 1}, "sample": [], "written": false});
    assert_eq!(preview, expected);
    assert_eq!(world.run(&["policy", "apply", path, "--json"]).json(), expected, "a dry run");
    world.run(&["person", "show", &ada]).says(&["email: ada@idp"]);
}

#[tokio::test]
async fn policy_apply_changes_and_announces_persons_once() {
    let world = World::start().await;
    let policy = other_policy();
    let path = policy.path().to_str().unwrap();
    let before = world.count("outbox").await;
    let text = world.run(&["policy", "apply", path, "--batch", "2", "--author", "Ada", "--yes"]);
    text.says(&["2 of 3 persons changed, in 2 batch(es)\napplied by Ada\nannounced with cause "]);
    assert_eq!(world.count("outbox").await, before + 2);
    world.run(&["person", "show", "salesforce:c-ada"]).says(&["email: ada@crm", "revision 3"]);
    world.run(&["person", "why", "email", "salesforce:c-ada"]).says(&["the row says:    ada@crm"]);
    let again = world.run(&["policy", "apply", path, "--yes", "--json"]).json();
    assert_eq!((&again["persons"], &again["changed"]), (&json!(3), &json!(0)));
    let automation = world.run(&["policy", "apply", path, "--author", "coppice:x", "--yes"]);
    assert_eq!(automation.code, 2);
    let faulty = file("[fields.email]\n[fields.phone]\nfrom = []");
    let refused = world.run(&["policy", "apply", faulty.path().to_str().unwrap(), "--yes"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("fields.email: without a type; ")
            && refused.err.contains("fields.phone: without")
    );
}
