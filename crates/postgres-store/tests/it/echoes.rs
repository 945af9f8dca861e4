//! Values that we pushed to a contact and that the CRM returns: for how long they are echoes, and when they are the CRM's own.

use std::collections::BTreeMap;

use authority::Role;
use postgres_store::{Move, PersonReading, Source, WrittenContact};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::database::{Database, gone};
use crate::link_faults::{account, announce, decide, person_of};
use crate::linking::{apply, saying, verified};
use crate::{CRM, IDP};

/// A person with an account, whose first name is `Idp`.
struct Scene {
    db: Database,
    person: Uuid,
}

impl Scene {
    async fn start() -> Self {
        let db = Database::start().await;
        let ticket = draw(&db).await;
        apply(&db, IDP, saying("u", None, verified("a@idp"), 1001, ticket)).await;
        let person = person_of(&db, "idp", "u").await;
        Self { db, person }
    }

    /// A reading of a contact with our key, as it would be now.
    async fn reading(&self, id: &str, mut values: Value, version: i64) -> PersonReading {
        values["external_key"] = json!(self.person.to_string());
        saying(id, Some(&self.person.to_string()), values, version, draw(&self.db).await)
    }

    async fn read(&self, id: &str, values: Value, version: i64) {
        apply(&self.db, CRM, self.reading(id, values, version).await).await;
    }

    /// Reads contact `c` with a first name.
    async fn read_name(&self, name: &str, version: i64) {
        self.read("c", json!({ "given_name": name }), version).await;
    }

    /// Remembers a push of a first name, as crm-account does before it.
    async fn begin_push(&self, contact: &str, name: &str) -> i64 {
        self.begin_push_of(contact, "given_name", name).await
    }

    async fn begin_push_of(&self, contact: &str, field: &str, value: &str) -> i64 {
        let view =
            self.db.store.crm_views("crm", &[self.person]).await.unwrap().remove(&self.person).unwrap();
        let pushed = BTreeMap::from([(field.parse().unwrap(), value.to_owned())]);
        self.db.store.remember_pushed("crm", contact, &view.push_key, &pushed).await.unwrap()
    }

    /// Records that a push arrived, as crm-account does after it.
    async fn end_push(&self, contact: &str, push_ticket: i64) {
        let written = WrittenContact {
            person_id: self.person,
            revision: 1,
            external_id: contact.to_owned(),
            pushed_hash: vec![0],
            push_ticket,
            announce: announce(),
        };
        self.db.store.record_crm_accounts("crm", &[written]).await.unwrap();
    }

    async fn push(&self, contact: &str, name: &str) {
        let ticket = self.begin_push(contact, name).await;
        self.end_push(contact, ticket).await;
    }

    /// The source of the person's first name.
    async fn source_of_name(&self) -> String {
        let source = "select coalesce(provenance -> 'given_name' ->> 'source', '') from person where merged_into is null \
                      and profile ? 'email'";
        self.db.texts(source).await.remove(0)
    }
}

async fn draw(db: &Database) -> i64 {
    db.store.draw_refetch_tickets("crm", &[String::from("c")]).await.unwrap()[0].number
}

#[tokio::test]
async fn an_echo_with_blanks_is_still_an_echo() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    for (version, name, source) in [(1001, "Idp", "idp"), (1002, " Idp ", "idp"), (1003, "Staff's", "crm")] {
        scene.read_name(name, version).await;
        assert_eq!(scene.source_of_name().await, source, "{name:?}");
    }
}

#[tokio::test]
async fn an_echo_ends_when_the_contact_says_something_else() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    for (version, name, source) in [(1001, "Idp", "idp"), (1002, "Staff's", "crm"), (1003, "Idp", "crm")] {
        scene.read_name(name, version).await;
        assert_eq!(scene.source_of_name().await, source, "version {version}");
    }
    assert_eq!(scene.db.count("select count(*) from crm_push").await, 0);
}

#[tokio::test]
async fn an_echo_ends_when_the_contact_says_nothing_any_more() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    scene.read_name("Idp", 1001).await;
    scene.read("c", json!({"phone": "+1"}), 1002).await;
    scene.read_name("Idp", 1003).await;
    assert_eq!(scene.source_of_name().await, "crm");
}

#[tokio::test]
async fn a_deletion_does_not_end_an_echo() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    scene.read_name("Idp", 1001).await;
    apply(&scene.db, CRM, gone("c", Some(1002), draw(&scene.db).await)).await;
    scene.read_name("Idp", 1003).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn a_value_that_was_pushed_to_one_crm_is_an_assertion_of_another() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    let other = Source { name: "other-crm", role: Role::Crm };
    apply(&scene.db, other, scene.reading("c", json!({"given_name": "Idp"}), 1001).await).await;
    assert_eq!(scene.source_of_name().await, "other-crm");
}

#[tokio::test]
async fn a_value_that_was_pushed_to_one_contact_is_the_own_assertion_of_another() {
    let scene = Scene::start().await;
    scene.read("c", json!({"phone": "+2"}), 1001).await;
    // Has said so all along.
    let second = saying("d", None, json!({"phone": "+1"}), 1001, draw(&scene.db).await);
    apply(&scene.db, CRM, second).await;
    decide(&scene.db, "crm", "d", Move::Link(scene.person)).await;
    let mut values = verified("a@idp");
    values["phone"] = json!("+1");
    apply(&scene.db, IDP, saying("u", None, values, 1002, draw(&scene.db).await)).await;
    let ticket = scene.begin_push_of("c", "phone", "+1").await;
    scene.end_push("c", ticket).await;
    scene.read("c", json!({"phone": "+1"}), 1002).await;
    apply(&scene.db, IDP, saying("u", None, verified("a@idp"), 1003, draw(&scene.db).await)).await;
    let from = "select (profile ->> 'phone') || ' ' || (provenance -> 'phone' ->> 'external_id') from person where profile ? 'email'";
    assert_eq!(scene.db.texts(from).await, ["+1 d"]);
}

#[tokio::test]
async fn a_reading_that_began_before_the_push_ended_ends_no_echo() {
    let scene = Scene::start().await;
    let before = scene.reading("c", json!({"given_name": "Staff's"}), 1001).await;
    let push = scene.begin_push("c", "Idp").await;
    let during = scene.reading("c", json!({"given_name": "Staff's", "phone": "+1"}), 1002).await;
    let late = scene.reading("c", json!({"given_name": "Staff's", "phone": "+2"}), 1003).await;
    apply(&scene.db, CRM, before).await;
    apply(&scene.db, CRM, during).await;
    scene.end_push("c", push).await;
    apply(&scene.db, CRM, late).await;
    scene.read_name("Idp", 1004).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn a_reading_of_the_state_before_the_push_ends_no_echo() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    scene.push("c", "Idp").await;
    // A replica of the CRM lags behind.
    scene.read("c", json!({"given_name": "Staff's", "phone": "+1"}), 1001).await;
    scene.read_name("Idp", 1002).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn the_former_value_is_an_echo_until_the_next_one_arrives() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    scene.read_name("Idp", 1001).await;
    // The CRM refuses this one.
    scene.begin_push("c", "New").await;
    scene.read("c", json!({"given_name": "Idp", "phone": "+1"}), 1002).await;
    assert_eq!(scene.source_of_name().await, "idp");
    scene.push("c", "Newer").await;
    scene.read_name("Newer", 1003).await;
    assert_eq!(scene.source_of_name().await, "idp");
    let settled = "select count(*) from crm_push where written_ticket is not null";
    assert_eq!(scene.db.count(settled).await, 1, "only the last value");
}

#[tokio::test]
async fn a_value_that_may_have_arrived_is_an_echo_when_it_is_read() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    // The reply is lost, and so is the worker.
    scene.begin_push("c", "Idp").await;
    scene.read_name("Idp", 1002).await;
    assert_eq!(scene.source_of_name().await, "idp");
    scene.read_name("Staff's", 1003).await;
    scene.read_name("Idp", 1004).await;
    assert_eq!(scene.source_of_name().await, "crm", "it had arrived, and was changed");
}

#[tokio::test]
async fn a_reading_that_began_before_the_push_may_find_its_value() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    let finds = scene.reading("c", json!({"given_name": "Idp"}), 1002).await;
    scene.begin_push("c", "Idp").await;
    apply(&scene.db, CRM, finds).await;
    scene.read("c", json!({"given_name": "Idp", "phone": "+1"}), 1003).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn a_value_that_has_not_arrived_within_a_day_is_no_echo() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    scene.begin_push("c", "Idp").await;
    scene.db.execute("update crm_push set pushed_at = pushed_at - interval '25 hours'").await;
    scene.read_name("Idp", 1002).await;
    assert_eq!(scene.source_of_name().await, "crm");
}

#[tokio::test]
async fn a_former_value_to_which_a_user_returns_is_the_crm_s_own() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    scene.read_name("Idp", 1001).await;
    scene.push("c", "New").await;
    // The same content as before, and newer: a user changed it back before it was read.
    scene.read_name("Idp", 1002).await;
    assert_eq!(scene.source_of_name().await, "crm");
}

#[tokio::test]
async fn of_two_pushes_at_once_either_may_arrive_last() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    let (first, second) = (scene.begin_push("c", "First").await, scene.begin_push("c", "Second").await);
    scene.end_push("c", first).await;
    scene.end_push("c", second).await;
    scene.read_name("First", 1002).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn a_repeated_push_is_remembered_until_it_arrives() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    let again = scene.begin_push("c", "Idp").await;
    scene.read_name("Staff's", 1002).await;
    scene.end_push("c", again).await;
    scene.read_name("Idp", 1003).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn the_same_value_from_two_pods_is_remembered_until_the_later_push_ends() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    let first = scene.begin_push("c", "Idp").await;
    let second = scene.begin_push("c", "Idp").await;
    scene.end_push("c", first).await;
    // Changed back after the first push and before the second.
    scene.read("c", json!({"given_name": "Staff's", "phone": "+1"}), 1002).await;
    scene.end_push("c", second).await;
    scene.read_name("Idp", 1003).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn the_end_of_one_push_says_nothing_about_another() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    let first = scene.begin_push("c", "First").await;
    scene.push("c", "Second").await;
    scene.read("c", json!({"given_name": "Second"}), 1002).await;
    scene.end_push("c", first).await;
    scene.read_name("First", 1003).await;
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn a_value_that_was_read_has_arrived_before_its_push_is_recorded() {
    let scene = Scene::start().await;
    scene.read_name("Staff's", 1001).await;
    let push = scene.begin_push("c", "Idp").await;
    scene.read_name("Idp", 1002).await;
    let changed = scene.reading("c", json!({"given_name": "Staff's"}), 1003).await;
    scene.end_push("c", push).await;
    apply(&scene.db, CRM, changed).await;
    scene.read_name("Idp", 1004).await;
    assert_eq!(scene.source_of_name().await, "crm");
}

#[tokio::test]
async fn a_value_that_was_pushed_by_the_key_and_by_the_id_is_remembered_once() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    let again = scene.begin_push(&scene.person.to_string(), "Idp").await;
    scene.end_push("c", again).await;
    assert_eq!(scene.db.texts("select contact from crm_push").await, ["c"]);
}

#[tokio::test]
async fn the_echo_of_a_new_contact_is_recognised_before_and_after_its_push_is_recorded() {
    for recorded_first in [false, true] {
        let scene = Scene::start().await;
        let push = scene.begin_push(&scene.person.to_string(), "Idp").await;
        if recorded_first {
            scene.end_push("c", push).await;
        }
        scene.read_name("Idp", 1001).await;
        assert_eq!(scene.source_of_name().await, "idp", "recorded: {recorded_first}");
        if !recorded_first {
            scene.end_push("c", push).await;
        }
        assert_eq!(scene.db.texts("select contact from crm_push").await, ["c"]);
        scene.read_name("Staff's", 1002).await;
        assert_eq!(scene.db.count("select count(*) from crm_push").await, 0);
    }
}

#[tokio::test]
async fn an_echo_goes_with_its_contact_to_another_person() {
    let db = Database::start().await;
    apply(&db, IDP, account("db|a", &["a"], 1001, draw(&db).await)).await;
    apply(&db, IDP, account("db|b", &["b"], 1001, draw(&db).await)).await;
    let (a, b) = (person_of(&db, "idp", "db|a").await, person_of(&db, "idp", "db|b").await);
    let scene = Scene { person: a, db };
    scene.push("c", "Idp").await;
    scene.read_name("Idp", 1001).await;
    apply(&scene.db, IDP, gone("db|a", Some(2001), draw(&scene.db).await)).await;
    apply(&scene.db, IDP, account("db|b", &["b", "a"], 1002, draw(&scene.db).await)).await;
    assert_eq!(person_of(&scene.db, "crm", "c").await, b);
    assert_eq!(scene.source_of_name().await, "idp");
}

#[tokio::test]
async fn a_pushed_value_cannot_be_found_by_hashing_guesses() {
    let scene = Scene::start().await;
    scene.push("c", "Idp").await;
    scene.read_name("Idp", 1001).await;
    for guess in ["sha256('Idp')", "sha256('given_name\\000Idp\\000')"] {
        let found = format!("select count(*) from crm_push where value_hash = {guess}");
        assert_eq!(scene.db.count(&found).await, 0, "{guess}");
    }
    // The key makes the hash: with another one, the value is not recognised.
    scene.db.execute("update crm_push_key set secret = sha256('another')").await;
    scene.read("c", json!({"given_name": "Idp", "phone": "+1"}), 1002).await;
    assert_eq!(scene.source_of_name().await, "crm");
}

#[tokio::test]
async fn each_database_has_its_own_key() {
    let (one, other) = (Database::start_empty().await, Database::start_empty().await);
    let mut keys = Vec::new();
    for database in [&one, &other] {
        database.migrate().await;
        keys.extend(database.texts("select encode(secret, 'hex') from crm_push_key").await);
    }
    assert_ne!(keys[0], keys[1]);
}
