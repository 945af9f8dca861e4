//! A record that a county hands over, from its signed request to the person's row: `webhook-ingress` and `registry-sync` as deployed.

use std::process::Command;

use hmac::{Hmac, KeyInit as _, Mac as _};
use local_stack::free_port;
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;
use testkit::{INGRESS, Setup, World, unit_binary};

const COUNTY: &str = r#"
    [sources.county]
    role = "registry"
    connector = "handed-over"
    webhook_secrets = [{ secret = "county" }]
"#;
const SECRET: &str = "0123456789abcdef-county";
const UNIT: &str = "registry-sync";
/// Percent-encoded in the path: an ID may have every character.
const ID: &str = "case/7 ä";
const PATH: &str = "/sources/county/records/case%2F7%20%C3%A4";

/// Sends a record, or its removal, and returns the status.
async fn send(address: &str, method: Method, version: u64, body: String) -> u16 {
    let path = format!("{PATH}?version={version}");
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let digest = mac.chain_update(format!("{method}\n{path}\n{body}")).finalize().into_bytes();
    let call = reqwest::Client::new().request(method, format!("http://{address}{path}"));
    let call = call.header("x-coppice-signature", format!("sha256={}", hex::encode(digest)));
    let call = call.header("content-type", "application/json").body(body);
    call.send().await.unwrap().status().as_u16()
}

/// Runs the commands of `docs/how-to/hand-over-records.md`, and returns what they print.
fn as_the_guide_says(address: &str) -> String {
    let guide = include_str!("../../../../docs/how-to/hand-over-records.md");
    let commands = guide.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(commands.contains(SECRET) && commands.contains("127.0.0.1:8081"));
    let commands = commands.replace("127.0.0.1:8081", address);
    let output = Command::new("sh").args(["-c", &commands]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Of every unit in these worlds.
fn settings(address: &str) -> [(&'static str, &str); 12] {
    [
        ("COPPICE_SOURCE", "county"),
        ("sources.county.role", "registry"),
        ("sources.county.connector", "handed-over"),
        ("sources.county.webhook_secrets", r#"[{ secret = "county" }]"#),
        ("sources.county.map.display_name", "/names/0/full"),
        ("COPPICE_SECRET_COUNTY", SECRET),
        ("fields.given_name.type", "text"),
        ("fields.given_name.from", r#"["registry"]"#),
        ("fields.email.type", "email"),
        ("fields.email.from", r#"["sso", "registry"]"#),
        ("COPPICE_LOG", "debug"),
        ("COPPICE_LISTEN_ADDRESS", address),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_follows_a_record_that_is_handed_over_changed_and_removed() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(COUNTY)).await;
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let settings = settings(&address);
    let worker = world.start_worker(unit_binary(UNIT), UNIT, &settings).await;
    let ingress = world.start_worker(unit_binary(INGRESS), INGRESS, &settings).await;

    let body = |name: &str| json!({"given_name": name, "email": "mara.quill@example.org"}).to_string();
    assert_eq!(send(&address, Method::PUT, 1, body("Maravilla")).await, 200);
    let created = world.person_where(ID, |_| true).await;
    assert_eq!(created.given_name.as_deref(), Some("Maravilla"));
    assert_eq!(created.email.as_deref(), Some("mara.quill@example.org"));

    assert_eq!(send(&address, Method::PUT, 2, body("Maraviglia")).await, 200);
    let changed = world.person_where(ID, |it| it.given_name.as_deref() == Some("Maraviglia")).await;
    assert_eq!(changed.person_id, created.person_id);
    assert_eq!(send(&address, Method::PUT, 1, body("Maravilla")).await, 409, "it comes late");

    assert_eq!(send(&address, Method::DELETE, 3, String::new()).await, 200);
    let gone = world.person_where(ID, |it| it.status == "deleted").await;
    assert_eq!((gone.given_name, gone.email), (None, None), "a tombstone holds nothing personal");

    assert_eq!(send(&address, Method::PUT, 4, body("Maravilla")).await, 200);
    world.person_where(ID, |it| it.status != "deleted" && it.given_name.is_some()).await;
    // As the guide says it, with the tools that it names.
    assert!(as_the_guide_says(&address).contains(r#"{"status":"published"}"#));
    world.person_where("case/7", |it| it.given_name.as_deref() == Some("Mara")).await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
    for value in ["Maravilla", "Maraviglia", "mara.quill"] {
        let logs = [worker.log(), ingress.log()];
        assert!(
            !world.proxy.transcript_contains(value) && logs.iter().all(|log| !log.contains(value)),
            "{value}"
        );
    }
}

/// Without any event: what a resync, an audit and an operator read is the table, too.
#[tokio::test]
async fn jobs_and_operators_read_the_table() {
    let world = World::start_with(Setup::DEFAULT.with_sources(COUNTY)).await;
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let settings = settings(&address);
    let _ingress = world.start_worker(unit_binary(INGRESS), INGRESS, &settings).await;
    let body = json!({"given_name": "Maravilla", "birthdate": "1984-09-03"}).to_string();
    assert_eq!(send(&address, Method::PUT, 1, body).await, 200);

    let run = async |unit: &'static str, queue: &str, arguments: &[&str]| {
        world.run_job(unit_binary(unit), queue, arguments, &settings).await
    };
    let resync = async |origin: &[&str]| {
        let arguments = [&["county"], origin, &["--json"]].concat();
        run("resync-enqueuer", "registry-resync", &arguments).await.says(0, &["\"sent\": 1"]);
        run("registry-resync", "registry-resync", &["--json"]).await.says(0, &[]);
    };
    resync(&["listing"]).await;
    assert_eq!(world.person(ID).await.unwrap().given_name.as_deref(), Some("Maravilla"));
    run("audit", "audit", &["--json", "--grace-secs", "0", "--source", "county"]).await.says(0, &["county"]);
    let tested = run("coppice", "coppice", &["source", "test", "county", "--id", ID]).await;
    tested.says(0, &["given_name", "Maravilla"]);

    assert_eq!(send(&address, Method::DELETE, 2, String::new()).await, 200);
    resync(&["listing"]).await;
    assert_eq!(world.person(ID).await.unwrap().status, "deleted", "the row proves it");
}
