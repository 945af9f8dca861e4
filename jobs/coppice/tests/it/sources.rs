//! `coppice source test`, with a simulated identity provider that has Ada. The tests wait for the command while the provider answers it, so
//! they need several threads.

use postgres_store::RecordState;
use serde_json::json;
use simulators::auth0::{Auth0Simulator, Fault, SimulatedIdentity, SimulatedUser};
use tempfile::NamedTempFile;

use crate::world::{AUTH0, Said, World, run_alone_with};

struct Tenant {
    tenant: Auth0Simulator,
    file: NamedTempFile,
}

impl Tenant {
    async fn start() -> Self {
        let tenant = Auth0Simulator::start().await;
        let file = NamedTempFile::new().unwrap();
        let text = format!(
            r#"
            [fields.shoe_size]
            type = "date"
            class = "sensitive"
            from = ["sso"]
            [sources.auth0]
            role = "sso"
            connector = "auth0"
            url = "{}"
            client_id = "{}"
            client_secret = {{ secret = "auth0-client-secret" }}
            audience = "{}"
            map.shoe_size = "/given_name"
            "#,
            tenant.base_url(),
            tenant.client_id(),
            tenant.audience()
        );
        std::fs::write(file.path(), text).unwrap();
        tenant.put_user(SimulatedUser {
            given_name: Some(String::from("Adele")),
            ..SimulatedUser::new("auth0|ada").with_person_key("P-1")
        });
        Self { tenant, file }
    }

    fn environment(&self) -> [(&str, &str); 2] {
        [
            ("COPPICE_CONFIG_FILE", self.file.path().to_str().unwrap()),
            ("COPPICE_SECRET_AUTH0_CLIENT_SECRET", self.tenant.client_secret()),
        ]
    }

    fn test_alone(&self, arguments: &[&str]) -> Said {
        run_alone_with(&[&["source", "test", "auth0"], arguments].concat(), &self.environment())
    }

    fn test_in(&self, world: &World, arguments: &[&str]) -> Said {
        world.run_with(&[&["source", "test", "auth0"], arguments].concat(), &self.environment())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_tried_without_a_database() {
    let tenant = Tenant::start().await;
    let said = tenant.test_alone(&["--id", "auth0|ada"]);
    said.says(&[
        "POST http://127.0.0.1",
        "/oauth/token",
        "GET http://127.0.0.1",
        "/api/v2/users/auth0%7Cada",
        "authorization: Bearer ***",
        "-> 200 application/json",
        "our key there P-1",
        "Adele",
        "*** does not fit the field, and counts as missing",
        "set DATABASE_URL to see what would change",
    ]);
    assert!(!said.out.contains(tenant.tenant.client_secret()), "{}", said.out);
    tenant.test_alone(&["--id", "auth0|ada", "--show-values"]).says(&["Adele does not fit the field"]);
    tenant.test_alone(&["--id", "auth0|none"]).says(&["the source does not find the record"]);
    let unknown = run_alone_with(&["source", "test", "okta", "--id", "1"], &tenant.environment());
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("no source \"okta\" in coppice.toml; it has auth0"), "{}", unknown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_read_shows_what_was_sent_and_fails() {
    let tenant = Tenant::start().await;
    tenant.tenant.set_fault(Fault::Down);
    let said = tenant.test_alone(&["--id", "auth0|ada", "--json"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let report = said.json();
    assert_eq!(report["answer"]["says"], "failed");
    assert_eq!(report["exchanges"].as_array().unwrap().last().unwrap()["status"], 503, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_is_shown_and_nothing_is_written() {
    let world = World::start().await;
    let tenant = Tenant::start().await;
    let before = world.run(&["person", "show", "auth0:auth0|ada", "--json"]).json();
    let person = before["person_id"].as_str().unwrap();
    let announced = world.count("outbox").await;
    let said = tenant.test_in(&world, &["--id", "auth0|ada"]);
    said.says(&[
        &format!("the record belongs to person {person}"),
        &format!("person {person} would change"),
        "nothing was written",
    ]);
    let report = tenant.test_in(&world, &["--id", "auth0|ada", "--json"]).json();
    assert_eq!(report["preview"]["record_changes"], true);
    let changes = report["preview"]["changes"][0]["fields"].as_array().unwrap();
    let email = changes.iter().find(|change| change["field"] == "email").unwrap();
    assert_eq!(email["now"], "ada@idp");
    assert_eq!(email["then"], "orla.ada@members.example.org");
    assert_eq!(world.run(&["person", "show", "auth0:auth0|ada", "--json"]).json(), before);
    assert_eq!(world.count("outbox").await, announced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_record_would_get_a_person_or_be_linked_to_one() {
    let world = World::start().await;
    let tenant = Tenant::start().await;
    tenant.tenant.put_user(SimulatedUser::new("auth0|new"));
    tenant.tenant.put_user(SimulatedUser::new("auth0|ada2").with_person_key("P-1"));
    let alone = tenant.test_in(&world, &["--id", "auth0|new"]);
    alone.says(&["a person would be created", "given_name: nothing -> Orla-new, from auth0"]);
    let ada = world.run(&["person", "show", "auth0:auth0|ada", "--json"]).json();
    let linked = tenant.test_in(&world, &["--id", "auth0|ada2", "--json"]).json();
    assert_eq!(linked["preview"]["would_have"], ada["person_id"]);
    assert_eq!(linked["preview"]["creates_person"], json!(false));
    let said = world.run(&["person", "show", "auth0:auth0|new"]);
    assert!(said.err.contains("no record"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_who_would_change_is_listed() {
    let world = World::start().await;
    let tenant = Tenant::start().await;
    // Bob's account was linked to Ada's: it is gone, and his sign-in is one of hers. So he would be merged into her.
    world.read_of(AUTH0, "auth0|bob", RecordState::Gone { merged_into: None, proved: true }).await;
    let bob = SimulatedIdentity::new("auth0", "Coppice-Members", "bob".into());
    let ada = SimulatedUser::new("auth0|ada").with_person_key("P-1").with_identity(bob);
    tenant.tenant.put_user(ada);
    let person = |record: &str| {
        let shown = world.run(&["person", "show", record, "--json"]).json();
        shown["person_id"].as_str().unwrap().to_owned()
    };
    let mut expected = [person("auth0:auth0|ada"), person("auth0:auth0|bob")];
    expected.sort();
    let report = tenant.test_in(&world, &["--id", "auth0|ada", "--json"]).json();
    let changes = report["preview"]["changes"].as_array().unwrap();
    let changed: Vec<&str> = changes.iter().map(|change| change["person_id"].as_str().unwrap()).collect();
    assert_eq!(changed, expected, "{report}");
}

/// A source that takes no pushes of ours may be of a role that does: its preview goes the same way.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_handed_over_is_tried_as_the_table_has_it() {
    let world = World::start().await;
    let file = NamedTempFile::new().unwrap();
    let text = r#"
        [fields.given_name]
        type = "text"
        from = ["registry"]
        [sources.county]
        role = "registry"
        connector = "handed-over"
    "#;
    std::fs::write(file.path(), text).unwrap();
    let row = "insert into handed_over_record (source, record_id, version_number, content, content_hash)
               values ('county', '7', 1, '{\"given_name\": \"Maravilla\"}', sha256('x'))";
    sqlx::query(row).execute(&world.pool).await.unwrap();
    let environment = [("COPPICE_CONFIG_FILE", file.path().to_str().unwrap())];
    let test = |id: &str| world.run_with(&["source", "test", "county", "--id", id], &environment);
    test("7").says(&["Maravilla", "a person would be created", "nothing was written"]);
    test("8").says(&["A worker stores it as missing"]);
}
