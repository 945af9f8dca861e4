//! A changed `map`: what a full resync reads again, although no record has changed at its source.

use std::collections::BTreeMap;

use serde_json::json;
use simulators::auth0;
use simulators::okta::{self, OktaSimulator};
use testkit::{Said, World, okta_settings, unit_binary};

use crate::{BINARY, SSO};

/// A source, and the settings with a `map` of it.
struct Case<'a> {
    world: &'a World,
    source: &'a str,
    settings: &'a [(&'a str, &'a str)],
}

impl Case<'_> {
    async fn enqueue(&self, map: &[(&str, &str)]) {
        let settings = [self.settings, map].concat();
        self.world.run_job(BINARY, SSO, &[self.source, "listing"], &settings).await.says(0, &[]);
    }

    async fn drain(&self, map: &[(&str, &str)]) -> Said {
        let settings = [self.settings, map].concat();
        let drained = self.world.run_job(unit_binary(SSO), SSO, &["--json"], &settings).await;
        drained.says(0, &[]);
        drained
    }

    /// The records that `config what-if` says must be read again.
    async fn to_reread(&self, map: &[(&str, &str)]) -> serde_json::Value {
        let settings = [self.settings, map].concat();
        let said = self
            .world
            .run_job(unit_binary("coppice"), SSO, &["config", "what-if", "--json"], &settings)
            .await;
        said.says(0, &[]);
        said.json()["to_reread"].clone()
    }

    /// The revision of each person, by the ID of its record.
    async fn revisions(&self) -> BTreeMap<String, i64> {
        let persons = self.world.persons().await.unwrap();
        persons.into_iter().map(|(id, person)| (id, person.revision)).collect()
    }

    /// Only the persons of the first record have a value in the mapped field. The file is the only thing that changes.
    async fn rereads_all_and_changes(&self, pointer: &str, ids: [&str; 3]) {
        self.enqueue(&[]).await;
        self.drain(&[]).await;
        assert_eq!(self.revisions().await, ids.map(|id| (id.to_owned(), 1)).into());
        let map = format!("sources.{}.map.member_no", self.source);
        let map = [
            ("fields.member_no.type", "reference"),
            ("fields.member_no.from", r#"["sso"]"#),
            (map.as_str(), pointer),
        ];
        assert_eq!(self.to_reread(&[]).await, json!({}));
        assert_eq!(self.to_reread(&map).await, json!({ self.source: 3 }));
        assert_eq!(self.world.take_announcements().await.unwrap().len(), 3);

        self.enqueue(&map).await;
        self.drain(&map).await;
        let [first, ..] = ids;
        let expected = ids.map(|id| (id.to_owned(), if id == first { 2 } else { 1 }));
        assert_eq!(self.revisions().await, expected.into());
        let announced = self.world.take_announcements().await.unwrap();
        let person = self.world.person(first).await.unwrap().person_id;
        assert_eq!(announced.iter().map(|(_, it)| it.entity_id).collect::<Vec<_>>(), [person]);
        assert_eq!(self.to_reread(&map).await, json!({}), "also where the content is the same");
        assert_eq!(self.to_reread(&[]).await, json!({ self.source: 3 }), "the former file");

        // Another run reads nothing new.
        self.enqueue(&map).await;
        self.drain(&map).await;
        assert_eq!(self.world.take_announcements().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn records_whose_version_is_the_same_are_read_again_by_another_map() {
    let world = World::start().await;
    for (id, key) in [("auth0|a", Some("P-17")), ("auth0|b", None), ("auth0|c", None)] {
        let user = auth0::SimulatedUser::new(id);
        world.idp.put_user(auth0::SimulatedUser { person_key: key.map(str::to_owned), ..user });
    }
    let case = Case { world: &world, source: "auth0", settings: &[] };
    case.rereads_all_and_changes("/app_metadata/person_key", ["auth0|a", "auth0|b", "auth0|c"]).await;
}

#[tokio::test]
async fn records_whose_entity_tag_is_the_same_are_read_again_by_another_map() {
    let world = World::start().await;
    let org = OktaSimulator::start().await;
    org.put_user(okta::SimulatedUser::new("00u1").with_employee_number("E-17"));
    org.put_user(okta::SimulatedUser::new("00u2"));
    org.put_user(okta::SimulatedUser::new("00u3"));
    let url = org.base_url();
    let settings = okta_settings(&url, org.api_token());
    let case = Case { world: &world, source: "okta", settings: &settings };
    case.rereads_all_and_changes("/profile/employeeNumber", ["00u1", "00u2", "00u3"]).await;
    assert!(org.not_modified() >= 3, "the last run asked with the entity tags");
}
