//! HubSpot's contacts by ID: found, merged, archived and missing ones.

use std::sync::{Arc, Mutex};

use connectors::{Batches, Fetched, HubSpotClient, ProviderError};
use serde_json::{Value, json};
use simulators::hubspot::SimulatedContact;

use crate::fixtures::{account, hubspot_at};
use crate::server::{Server, reply};

const BATCH_READ: &str = "POST /crm/objects/2026-09/contacts/batch/read";
const HIDDEN: Fetched = Fetched::NotVisible;
const ARCHIVED: Fetched = Fetched::Gone { merged_into: None };

fn merged_into(id: u64) -> Fetched {
    Fetched::Gone { merged_into: Some(id.to_string()) }
}

fn ids(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

async fn fetch(client: &HubSpotClient, asked: &[u64]) -> Vec<Fetched> {
    client.fetch_many(&ids(asked)).await.unwrap()
}

fn id_of(fetched: &Fetched) -> Option<&str> {
    match fetched {
        Fetched::Found(contact) => Some(&contact.id),
        _ => None,
    }
}

#[tokio::test]
async fn a_contact_is_read_with_the_properties_that_are_kept_and_no_others() {
    let (account, client) = account().await;
    let contact = account.put_contact(SimulatedContact::new(7001).with_person_key("P-7"));
    let fetched = fetch(&client, &[7001]).await;
    let [Fetched::Found(found)] = fetched.as_slice() else { panic!("{fetched:?}") };
    assert_eq!((found.id.as_str(), found.external_key.as_deref()), ("7001", Some("P-7")));
    assert_eq!(found.version_at, Some(contact.updated_at), "in milliseconds");
    let address = |part: &str| found.assertions["mailing_address"][part].as_str();
    for (property, value) in [
        ("firstname", found.text("given_name")),
        ("lastname", found.text("family_name")),
        ("email", found.text("email")),
        ("phone", found.text("phone")),
        ("date_of_birth", found.text("birthdate")),
        ("address", address("street")),
        ("city", address("city")),
        ("state", address("region")),
        ("zip", address("postal_code")),
        ("country", address("country")),
    ] {
        assert_eq!(contact.get(property), value, "{property}");
    }
    let server = Server::start(|_, _| reply(200, &json!({"results": []}))).await;
    assert_eq!(hubspot_at(&server.url).fetch_many(&ids(&[7001])).await, Ok(vec![HIDDEN]));
    let asked = &server.asked()[0];
    let kept = json!([
        "firstname",
        "lastname",
        "email",
        "phone",
        "date_of_birth",
        "address",
        "city",
        "state",
        "zip",
        "country",
        "hs_merged_object_ids",
        "coppice_person_key"
    ]);
    assert_eq!((asked.line.as_str(), &asked.body["properties"]), (BATCH_READ, &kept));
}

#[tokio::test]
async fn a_merged_contact_names_the_one_that_is_left_also_through_a_chain() {
    let (account, client) = account().await;
    for id in [7001, 7002, 7003] {
        account.put_contact(SimulatedContact::new(id));
    }
    let left = account.merge(7001, 7002).id;
    assert_eq!(fetch(&client, &[7001]).await, [merged_into(left)]);
    let fetched = fetch(&client, &[7001, left, 7002, 7003]).await;
    assert_eq!((&fetched[0], &fetched[2]), (&merged_into(left), &merged_into(left)));
    assert_eq!((id_of(&fetched[1]), id_of(&fetched[3])), (Some(left.to_string().as_str()), Some("7003")));
    assert_eq!(account.total_requests(), 2, "the contact that is left names those that were merged into it");
    let last = account.merge(left, 7003).id;
    let fetched = fetch(&client, &[7001, 7002, 7003, left]).await;
    assert_eq!(fetched, vec![merged_into(last); 4]);
}

#[tokio::test]
async fn a_merge_that_keeps_the_primary_id_changes_that_contact() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::new(7001));
    account.put_contact(SimulatedContact::new(7002));
    account.keep_primary_ids(true);
    let left = account.merge(7001, 7002);
    assert_eq!(left.id, 7001);
    let fetched = fetch(&client, &[7002, 7001]).await;
    assert_eq!((&fetched[0], id_of(&fetched[1])), (&merged_into(7001), Some("7001")));
}

/// A record of the batch read, without the list of contacts that were merged into it.
fn row(id: &str) -> Value {
    json!({"id": id, "properties": {"lastname": "Quill"}, "archived": false})
}

#[tokio::test]
async fn without_the_list_of_merged_contacts_the_id_of_the_answer_tells_a_merge() {
    let server = Server::start(|_, asked| {
        let inputs = asked.body["inputs"].as_array().unwrap();
        match inputs.as_slice() {
            [one] if one["id"] == "7001" => reply(200, &json!({"results": [row("7009")]})),
            [_] => reply(200, &json!({"results": []})),
            _ => reply(200, &json!({"results": [row("7003"), row("7009")]})),
        }
    })
    .await;
    let fetched = fetch(&hubspot_at(&server.url), &[7001, 7002, 7003]).await;
    assert_eq!((&fetched[..2], id_of(&fetched[2])), (&[merged_into(7009), HIDDEN][..], Some("7003")));
}

#[tokio::test]
async fn two_calls_distinguish_found_archived_and_unknown_contacts() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::new(7001));
    account.put_contact(SimulatedContact::new(7002));
    account.archive(7002);
    let mut asked = ids(&[7003, 7002, 7001, 7002]);
    asked.extend(["mara", "", "7001*", "007001"].map(str::to_owned));
    let fetched = client.fetch_many(&asked).await.unwrap();
    assert_eq!(fetched[..2], [HIDDEN, ARCHIVED]);
    assert_eq!((id_of(&fetched[2]), &fetched[3]), (Some("7001"), &ARCHIVED));
    assert_eq!(fetched[4..7], [HIDDEN, HIDDEN, HIDDEN], "no IDs, and not sent");
    assert_eq!(id_of(&fetched[7]), Some("7001"), "another spelling of the same number");
    assert_eq!(account.total_requests(), 2);
    account.purge(7002);
    assert_eq!(fetch(&client, &[7002]).await, [HIDDEN], "missed in both is no proof");
}

#[tokio::test]
async fn a_restored_contact_has_the_version_from_before() {
    let (account, client) = account().await;
    let version = account.put_contact(SimulatedContact::new(7001)).updated_at;
    account.archive(7001);
    assert_eq!(fetch(&client, &[7001]).await, [ARCHIVED]);
    account.restore(7001);
    let fetched = fetch(&client, &[7001]).await;
    let [Fetched::Found(found)] = fetched.as_slice() else { panic!("{fetched:?}") };
    assert_eq!(found.version_at, Some(version));
}

#[tokio::test]
async fn a_contact_that_is_restored_between_the_two_calls_is_found() {
    let server = Server::start(|number, _| match number {
        1 => reply(207, &json!({"results": [], "errors": [missed(&["7001"])]})),
        _ => reply(200, &json!({"results": [row("7001")]})),
    })
    .await;
    let fetched = fetch(&hubspot_at(&server.url), &[7001]).await;
    assert_eq!(id_of(&fetched[0]), Some("7001"));
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.uri).collect();
    assert!(asked[0].ends_with("?archived=false") && asked[1].ends_with("?archived=true"), "{asked:?}");
}

fn missed(ids: &[&str]) -> Value {
    json!({"status": "error", "category": "OBJECT_NOT_FOUND", "context": {"ids": ids}})
}

#[tokio::test]
async fn many_contacts_are_read_in_several_calls() {
    let sizes: Arc<Mutex<Vec<usize>>> = Arc::default();
    let seen = Arc::clone(&sizes);
    let server = Server::start(move |_, asked| {
        let ids: Vec<&str> = asked.body["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| input["id"].as_str().unwrap())
            .collect();
        seen.lock().unwrap().push(ids.len());
        reply(207, &json!({"results": [], "errors": [missed(&ids)]}))
    })
    .await;
    let asked: Vec<u64> = (0..250).collect();
    assert_eq!(fetch(&hubspot_at(&server.url), &asked).await, vec![HIDDEN; 250]);
    assert_eq!(*sizes.lock().unwrap(), [100, 100, 100, 100, 50, 50]);
}

#[tokio::test]
async fn an_answer_to_another_request_or_an_error_of_another_kind_is_no_miss() {
    let malformed = ProviderError::WHOLE_REPLY_MALFORMED;
    let other = json!({"category": "VALIDATION_ERROR", "message": "mara"});
    let refused = ProviderError::Refused { code: "VALIDATION_ERROR", names_record: false };
    for (body, expected) in [
        (json!({"results": [row("7003"), row("7004")]}), malformed),
        (json!({"results": [], "errors": [other]}), refused),
        (json!({"results": [], "errors": ["mara"]}), ProviderError::Invalid { status: 400 }),
        (json!({"results": [{"id": "mara"}]}), ProviderError::Unreadable { field: "id" }),
        (
            json!({"results": [{"id": "7001", "archived": false}]}),
            ProviderError::Unreadable { field: "properties" },
        ),
        (
            json!({"results": [{"id": "7001", "archived": "perhaps", "properties": {}}]}),
            ProviderError::Unreadable { field: "archived" },
        ),
    ] {
        let text = body.to_string();
        let server = Server::start(move |_, _| reply(200, &body)).await;
        assert_eq!(hubspot_at(&server.url).fetch_many(&ids(&[7001])).await, Err(expected), "{text}");
    }
}
