//! `coppice link`.

use serde_json::json;

use crate::world::World;

const WHY: [&str; 4] = ["--author", "Ada", "--reason", "phoned Bob"];

#[tokio::test]
async fn link_list_prints_open_reviews() {
    let world = World::start().await;
    let (own, bob) = (world.person_of("salesforce:c-bob"), world.person_of("auth0:auth0|bob"));
    let text = world.run(&["link", "list"]);
    text.says(&[&format!("salesforce c-bob, of person {own}\n  may be {bob}: verified_email, open for ")]);
    let listed = world.run(&["link", "list", "--limit", "5", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["candidate_person_id"], json!(bob));
    assert!(listed[0]["opened_at"].is_string() && listed[0]["age_secs"].is_number());
}

#[tokio::test]
async fn an_operator_links_a_record_and_undoes_the_link() {
    let world = World::start().await;
    let (own, bob) = (world.person_of("salesforce:c-bob"), world.person_of("auth0:auth0|bob"));
    let mut decide = vec!["link", "decide", "salesforce", "c-bob", &bob, "--link"];
    decide.extend(WHY);
    let mut try_it = decide.clone();
    try_it.push("--dry-run");
    world.run(&try_it).says(&["nothing was written; this would be done:\n"]);
    assert_eq!(world.count("link_decision").await, 0);
    let text = world.run(&decide);
    text.says(&[&format!(
        "salesforce c-bob moved from person {own} to {bob}\n1 review(s) closed; values changed for 2 person(s); both persons announced"
    )]);
    world.run(&["link", "list"]).says(&["no link is open for review"]);
    world.run(&["person", "show", &own]).says(&[
        &format!("person {own} was merged into the one below\nperson {bob}\n"),
        "phone: +2",
        "linked, by Ada: phoned Bob",
    ]);
    let again = world.run(&decide);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("already"), "{}", again.err);

    let mut undo = vec!["link", "undo", "salesforce", "c-bob", "--json"];
    undo.extend(WHY);
    let report = world.run(&undo).json();
    assert_eq!((&report["from_person_id"], &report["to_person_id"]), (&json!(bob), &json!(own)));
    assert_eq!((&report["written"], report["changed"].as_array().unwrap().len()), (&json!(true), 2));
    world.run(&["person", "show", &bob]).says(&["phone: no source has a value"]);
    world.run(&["person", "show", &own]).says(&[
        &format!("person {own}\nknown"),
        "phone: +2",
        "undone, by Ada",
    ]);
    assert_eq!(world.count("link_decision").await, 2);
}

#[tokio::test]
async fn a_separated_review_stays_closed() {
    let world = World::start().await;
    let (own, bob) = (world.person_of("salesforce:c-bob"), world.person_of("auth0:auth0|bob"));
    let mut decide = vec!["link", "decide", "salesforce", "c-bob", &bob, "--separate", "--json"];
    decide.extend(WHY);
    let report = world.run(&decide).json();
    let expected = json!({"source": "salesforce", "external_id": "c-bob", "from_person_id": own,
        "to_person_id": own, "reviews_closed": 1, "changed": [], "written": true});
    assert_eq!(report, expected);
    assert_eq!(world.run(&["link", "list", "--json"]).json(), json!([]));
}

#[tokio::test]
async fn link_refuses_missing_records_and_automatic_authors() {
    let world = World::start().await;
    let bob = world.person_of("auth0:auth0|bob");
    let run = |arguments: &[&str]| world.run(&[&["link"], arguments].concat()).code;
    let why = &WHY[..];
    assert_eq!(
        run(&[&["decide", "salesforce", "c-bob", &bob], why].concat()),
        2,
        "neither --link nor --separate"
    );
    assert_eq!(run(&[&["decide", "salesforce", "c-bob", &bob, "--link", "--separate"], why].concat()), 2);
    assert_eq!(run(&["undo", "salesforce", "c-bob", "--author", "coppice:crm", "--reason", "x"]), 2);
    assert_eq!(run(&["undo", "salesforce", "c-bob", "--author", "Ada", "--reason", ""]), 2);
    assert_eq!(run(&[&["undo", "salesforce", "c-missing"], why].concat()), 3);
    assert_eq!(run(&[&["undo", "salesforce", "c-bob"], why].concat()), 1, "nothing to undo");
    let missing = "01890000-0000-7000-8000-000000000000";
    assert_eq!(run(&[&["decide", "salesforce", "c-bob", missing, "--link"], why].concat()), 3);
}
