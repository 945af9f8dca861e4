//! The file alone: another source of a known connector and another field, while the fleet runs.

use serde_json::Value;
use simulators::okta::{OktaSimulator, SimulatedUser as OktaUser};
use testkit::{OKTA, Setup, Worker, World, unit_binary};

use crate::{contact_where, sign_up};

const ADA: &str = "auth0|ada";
const BOB: &str = "auth0|bob";
const SIGNE: &str = "00u1signe";

/// The file of a world's units.
fn file(world: &World) -> String {
    let environment = world.environment(unit_binary("sso-sync"), "sso-sync-auth0", 0);
    environment.into_iter().find(|(name, _)| name == "COPPICE_CONFIG").unwrap().1
}

/// `coppice` with a file, as the owner of the database: a new field changes the view.
async fn coppice(world: &World, arguments: &[&str], file: &str) -> testkit::Said {
    let settings = [("COPPICE_CONFIG", file), ("DATABASE_URL", world.database_url())];
    world.run_job(unit_binary("coppice"), "sso-sync-auth0", arguments, &settings).await
}

async fn apply(world: &World, file: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("coppice.toml");
    std::fs::write(&path, file).unwrap();
    let arguments = ["config", "apply", path.to_str().unwrap(), "--author", "Ada", "--yes"];
    coppice(world, &arguments, file).await.says(0, &["version 2: "]);
}

/// The resources of the template and of the roles, by name.
async fn rendered(world: &World, file: &str) -> Vec<(String, Value)> {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["topology", "render", "--out", folder.path().to_str().unwrap()];
    coppice(world, &arguments, file).await.says(0, &["branches\n"]);
    let mut resources = Vec::new();
    for name in ["coppice.yaml", "roles.yaml"] {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        let template: Value = serde_saphyr::from_str(&text).unwrap();
        let of_template = template["Resources"].as_object().unwrap().clone();
        resources.extend(of_template.into_iter().map(|(id, resource)| (format!("{name}: {id}"), resource)));
    }
    resources
}

/// `SsoSyncAuth0` of the ID of its queue.
fn branch_of_queue(id: &str) -> Option<&str> {
    id.strip_prefix("coppice.yaml: ")?.strip_suffix("Queue")
}

/// The worker has warned of nothing.
fn is_content(worker: &Worker) {
    let log = worker.log();
    let warned = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
    assert_eq!(log.lines().filter(warned).collect::<Vec<_>>(), [""; 0]);
    assert!(log.contains("\"INFO\""), "{log}");
}

#[tokio::test]
async fn another_identity_provider_joins_a_running_fleet_by_the_file_alone() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_more_sources(OKTA)).await;
    let before = file(&world);
    let old =
        world.start_worker(unit_binary("sso-sync"), "sso-sync-auth0", &[("COPPICE_SOURCE", "auth0")]).await;
    let ada = sign_up(&world, ADA).await;

    let org = OktaSimulator::start().await;
    let after = format!("{before}{}", OKTA.replace("https://okta.example", &org.base_url()));
    let (old_resources, resources) = (rendered(&world, &before).await, rendered(&world, &after).await);
    let branches: Vec<&str> = old_resources.iter().filter_map(|(id, _)| branch_of_queue(id)).collect();
    assert!(branches.contains(&"SsoSyncAuth0") && branches.contains(&"CrmAccountSalesforce"), "{branches:?}");
    for (id, resource) in &old_resources {
        let now = resources.iter().find(|(other, _)| other == id).map(|(_, it)| it).unwrap();
        // What all branches share, such as the alarm about the bus, has one more of them.
        let of_a_branch = branches.iter().any(|branch| id.contains(&format!(": {branch}")));
        assert!(now == resource || !of_a_branch, "{id} is another one: {now}");
    }
    let added = |id: &str| {
        resources.iter().any(|(name, _)| name == id) && old_resources.iter().all(|(name, _)| name != id)
    };
    for id in
        ["coppice.yaml: SsoSyncOktaQueue", "coppice.yaml: AppLoginOktaDlq", "roles.yaml: SsoSyncOktaRole"]
    {
        assert!(added(id), "{id}: {:?}", resources.iter().map(|(name, _)| name).collect::<Vec<_>>());
    }

    apply(&world, &after).await;
    let of_okta = [
        ("COPPICE_CONFIG", after.as_str()),
        ("COPPICE_SOURCE", "okta"),
        ("COPPICE_SECRET_OKTA", org.api_token()),
    ];
    let new = world.start_worker(unit_binary("sso-sync"), "sso-sync-okta", &of_okta).await;
    world.deliver(&org.put_user(OktaUser::new(SIGNE)).log_event()).await;
    let signe = world.person_where(SIGNE, |person| person.status == "active").await;
    let bob = sign_up(&world, BOB).await;
    let changed = world.idp.update(ADA, |user| user.given_name = Some("Addy".into()));
    world.deliver(&changed.stream_event()).await;
    world.person_where(ADA, |person| person.given_name.as_deref() == Some("Addy")).await;
    assert!(signe.person_id != ada.person_id && signe.person_id != bob.person_id);
    for (branch, worker) in [("sso-sync-auth0", &old), ("sso-sync-okta", &new)] {
        world.settled(branch).await;
        assert_eq!(world.dead_letters(branch, 0).await.len(), 0, "{branch}");
        is_content(worker);
    }
    assert_eq!(world.undelivered().await.len(), 0);
}

#[tokio::test]
async fn another_field_is_mapped_shown_and_pushed_by_the_file_alone() {
    let world = World::start_with_emulator().await;
    let before = file(&world);
    let mut reader = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[]).await;
    let pusher = world.start_worker(unit_binary("crm-account"), "crm-account", &[]).await;
    let ada = sign_up(&world, ADA).await;
    let contact = contact_where(&world, ada.person_id, |_| true).await;
    assert_eq!(contact.preferred_language, None);

    let after = before
        .replace(
            "[sources.auth0]\n",
            "[sources.auth0]\nmap = { preferred_language = \"/user_metadata/lang\" }\n",
        )
        .replace(
            "[sources.salesforce]\n",
            "[sources.salesforce]\nmap = { preferred_language = \"/Preferred_Language__c\" }\n",
        )
        .replace(
            "[push.salesforce]\n",
            "[push.salesforce]\nmap = { preferred_language = \"Preferred_Language__c\" }\n",
        )
        .replace("\"birthdate\"", "\"birthdate\", \"preferred_language\"")
        + "\n[fields.preferred_language]\ntype = \"code\"\nvalues = [\"en\", \"es\", \"vi\"]\nfrom = [\"auth0\"]\n";
    apply(&world, &after).await;
    // The running pods compute by the new version. The one that reads has the old mapping until it is restarted.
    let email = |email: &'static str| {
        move |user: &mut simulators::auth0::SimulatedUser| user.email = Some(email.into())
    };
    world.deliver(&world.idp.update(ADA, email("ada.1@example.org")).stream_event()).await;
    let first =
        contact_where(&world, ada.person_id, |it| it.email.as_deref() == Some("ada.1@example.org")).await;
    assert_eq!(first.preferred_language, None);
    is_content(&reader);
    let show = ["person", "show", "auth0:auth0|ada"];
    let shown = coppice(&world, &show, &after).await;
    shown.says(0, &["email: ada.1@example.org", "preferred_language: no source has a value"]);

    assert_eq!(reader.stop().await, Some(0));
    let reader = world.start_worker(unit_binary("sso-sync"), "sso-sync", &[("COPPICE_CONFIG", &after)]).await;
    world.deliver(&world.idp.update(ADA, email("ada.2@example.org")).stream_event()).await;
    let spoken =
        |it: &simulators::salesforce::SimulatedContact| it.preferred_language.as_deref() == Some("en");
    let contact = contact_where(&world, ada.person_id, spoken).await;
    assert_eq!(contact.email.as_deref(), Some("ada.2@example.org"));
    coppice(&world, &show, &after).await.says(0, &["preferred_language: en, from auth0:auth0|ada "]);
    let column = "select preferred_language from person_profile where person_id = $1";
    let column: Option<String> =
        sqlx::query_scalar(column).bind(ada.person_id).fetch_one(&world.pool).await.unwrap();
    assert_eq!(column.as_deref(), Some("en"));

    for (branch, worker) in [("sso-sync-auth0", &reader), ("crm-account-salesforce", &pusher)] {
        world.settled(branch).await;
        assert_eq!(world.dead_letters(branch, 0).await.len(), 0, "{branch}");
        is_content(worker);
    }
}
