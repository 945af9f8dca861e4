//! The rules of `deploy/cloudformation` keep enough of an event: it reads the same before and after.

use connectors::{SignInEvent, Source};
use event_contract::Envelope;
use serde_json::Value;

use crate::fixtures::{counting, hints, okta, read_sign_in, source};

/// Every sample of this provider: its name, its queues, and the event before and after the rule.
fn samples(provider: &str) -> Vec<(String, Vec<String>, Envelope, Envelope)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/cloudformation/sample-events");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(provider));
    let sample = |path: std::path::PathBuf| {
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let queues: Vec<String> = serde_json::from_value(sample["queues"].clone()).unwrap();
        let whole = sample["event"].clone();
        let mut reduced = whole.clone();
        reduced["detail"] = sample.get("detail_after").cloned().unwrap_or_else(|| whole["detail"].clone());
        let parse = |event: Value| Envelope::parse(&event.to_string()).unwrap();
        (path.display().to_string(), queues, parse(whole), parse(reduced))
    };
    files.map(sample).collect()
}

fn ids(source: &Source, event: &Envelope) -> Vec<String> {
    hints(source.read_event(event)).unwrap().into_iter().map(|hint| hint.id).collect()
}

#[test]
fn a_reduced_event_names_the_same_users_and_sign_ins() {
    let providers = [
        ("auth0-", source("auth0", counting(&["s", "scoa", "sens", "sepft", "ssa", "sertft"]))),
        ("okta.", source("okta", okta())),
    ];
    let (mut users, mut sign_ins) = (0, 0);
    for (provider, client) in providers {
        for (name, queues, whole, reduced) in samples(provider) {
            assert_eq!(ids(&client, &whole), ids(&client, &reduced), "{name}");
            users += ids(&client, &reduced).len();
            let (before, after) = (read_sign_in(&client, &whole), read_sign_in(&client, &reduced));
            assert!(before == after || matches!(after, Ok(SignInEvent::Incomplete { .. })), "{name}");
            if name.contains("login-without-strategy") {
                assert!(matches!(after, Ok(SignInEvent::Complete(_))), "{name}: the IDs are enough");
            }
            let is_sign_in = after != Ok(SignInEvent::Ignored);
            assert_eq!(is_sign_in, queues.iter().any(|queue| queue == "app-login"), "{name}: {after:?}");
            sign_ins += usize::from(is_sign_in);
        }
    }
    assert!(users >= 7 && sign_ins >= 4, "{users} users, {sign_ins} sign-ins");
}
