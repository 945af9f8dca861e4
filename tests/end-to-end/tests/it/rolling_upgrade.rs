//! An upgrade from the previous release under load, in the order of `docs/how-to/upgrade.md`: the schema, the file of sources, the
//! new queues, and then pod after pod. Both releases share the database all the while.
//!
//! `COPPICE_PREVIOUS_BINARIES=<folder>` names the binaries of the previous release, built from its commit: `migrate`, `sso-sync`
//! and `crm-sync`. Without it, the old pods run this release too: then the test covers a version of the file that is applied under
//! load, the change of queues, and the replacement of pods.

use std::collections::BTreeSet;
use std::path::Path;

use event_contract::{EventKind, resync_message};
use local_stack::wait_until;
use serde_json::Value;
use simulators::auth0::SimulatedUser;
use simulators::salesforce::{SimulatedContact, contact_id};
use testkit::{OPERATORS_TOOL, PATIENCE, Setup, Worker, World, unit_binary};
use uuid::Uuid;

const SSO: &str = "sso-sync";
const CRM: &str = "crm-sync";
const USERS: usize = 1200;
/// Users whose record is requested through the queue of the previous release. Each of the others comes through the new one.
const USERS_BEFORE: usize = 600;
const CONTACTS: usize = 240;
const CONTACTS_BEFORE: usize = 120;
/// Of ten records of the previous release, how many are sent while the schema and the file change. The others follow.
const EARLY: usize = 8;
/// Pods of `sso-sync` that run at the same time.
const PODS: usize = 2;
/// Replacements after the first pods of this release.
const REPLACED: usize = 4;

/// Other rules than the built-in ones, which name sources. A contact joins the user with its address.
const POLICY: &str = r#"
    [fields.email]
    type = "email"
    from = ["salesforce", "auth0 when verified"]

    [crm]
    push = ["phone"]

    [linking]
    trusted_email_from = ["salesforce"]
"#;

/// The binary of the previous release, and whether it is another than this one.
fn previous(unit: &str) -> (String, bool) {
    match std::env::var_os("COPPICE_PREVIOUS_BINARIES") {
        Some(folder) => (Path::new(&folder).join(unit).to_str().unwrap().to_owned(), true),
        None => (unit_binary(unit).to_owned(), false),
    }
}

/// What an environment of the previous release says of its sources.
fn former_settings(world: &World) -> Vec<(&'static str, String)> {
    let crm_url = world.crm.base_url();
    [
        ("COPPICE_POLICY", POLICY),
        ("COPPICE_SSO_PROVIDER", "auth0"),
        ("COPPICE_SSO_TIMEOUT_SECS", "1"),
        ("COPPICE_AUTH0_URL", &world.idp.base_url()),
        ("COPPICE_AUTH0_CLIENT_ID", world.idp.client_id()),
        ("COPPICE_AUTH0_CLIENT_SECRET", world.idp.client_secret()),
        ("COPPICE_AUTH0_AUDIENCE", &world.idp.audience()),
        ("COPPICE_CRM_TIMEOUT_SECS", "1"),
        ("COPPICE_SALESFORCE_URL", &crm_url),
        ("COPPICE_SALESFORCE_CLIENT_ID", world.crm.client_id()),
        ("COPPICE_SALESFORCE_CLIENT_SECRET", world.crm.client_secret()),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// Runs a program in an environment that has nothing but this of a file.
async fn run(world: &World, binary: &str, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let settings = [&[("COPPICE_CONFIG", ""), ("COPPICE_SOURCE", "")], settings].concat();
    let said = world.run_job(binary, SSO, arguments, &settings).await;
    assert_eq!(said.code, Some(0), "{binary} {arguments:?}: {said:?}");
    said.out
}

async fn migrate(world: &World, binary: &str) -> String {
    run(world, binary, &[], &[("COPPICE_SQL_ROLES", fleet::ROLE_PREFIX)]).await
}

/// As the chart's hook does, with the owner of the schema.
async fn apply(world: &World, file: &str) -> String {
    let settings = [("COPPICE_CONFIG", file), ("DATABASE_URL", world.database_url())];
    run(world, unit_binary(OPERATORS_TOOL), &["config", "apply", "--yes", "--author", "Ada"], &settings).await
}

/// Starts a pod of this release with the file.
async fn start(world: &World, unit: &str, source: &str, file: &str) -> Worker {
    let settings = [("COPPICE_CONFIG", file), ("COPPICE_SOURCE", source)];
    world.start_worker(unit_binary(unit), unit, &settings).await
}

/// A unit of the previous release and its queue.
struct Former {
    unit: &'static str,
    source: &'static str,
    queue: String,
    dlq: String,
}

impl Former {
    fn new(world: &World, unit: &'static str, source: &'static str) -> Self {
        let (queue, dlq) = world.create_queue(&format!("coppice-{unit}"));
        Self { unit, source, queue, dlq }
    }

    /// Starts a pod of the previous release. `queues`: others than its own, after a rollback.
    async fn start(&self, world: &World, file: &str, queues: Option<[&str; 2]>) -> Worker {
        let (binary, other_release) = previous(self.unit);
        let [queue, dlq] = queues.unwrap_or([&self.queue, &self.dlq]);
        let former = former_settings(world);
        let mut settings = vec![("COPPICE_QUEUE_URL", queue), ("COPPICE_DLQ_URL", dlq)];
        settings.extend(former.iter().map(|(name, value)| (*name, value.as_str())));
        // The previous release has no such settings. Without its binaries, this release needs them.
        settings.extend(match other_release {
            true => [("COPPICE_CONFIG", ""), ("COPPICE_SOURCE", "")],
            false => [("COPPICE_CONFIG", file), ("COPPICE_SOURCE", self.source)],
        });
        world.start_worker(&binary, self.unit, &settings).await
    }
}

/// Stops a pod as Kubernetes does, and returns how many messages it has settled, with any outcome.
async fn stop(mut pod: Worker) -> usize {
    assert_eq!(pod.stop().await, Some(0), "it ends with exit code 0:\n{}", pod.log());
    let log = pod.log();
    let stopped =
        log.lines().find(|line| line.contains("worker stopped")).expect("the log has the last line");
    let stopped: Value = serde_json::from_str(stopped).unwrap();
    let numbers = stopped["outcomes"].as_str().unwrap().split(|one: char| !one.is_ascii_digit());
    numbers.filter_map(|number| number.parse::<usize>().ok()).sum()
}

#[tokio::test]
async fn an_upgrade_under_load_loses_repeats_and_dead_letters_nothing() {
    let world = World::start_with(Setup::DEFAULT.with_empty_database()).await;
    let (users, contacts) = put_records(&world);
    let (sso, crm) = (Former::new(&world, SSO, "auth0"), Former::new(&world, CRM, "salesforce"));

    migrate(&world, &previous("migrate").0).await;
    let former = former_settings(&world);
    let former: Vec<(&str, &str)> = former.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let tool = unit_binary(OPERATORS_TOOL);
    let file = run(&world, tool, &["config", "from-environment"], &former).await;
    if !previous(SSO).1 {
        apply(&world, &format!("{file}\n[phones]\nregion = \"GB\"\n")).await;
    }
    let mut pods = Vec::new();
    for _ in 0..PODS {
        pods.push(sso.start(&world, &file, None).await);
    }
    let former_crm = crm.start(&world, &file, None).await;

    let (applied, wait_until_applied) = tokio::sync::oneshot::channel();
    let (new_queues, wait_for_new_queues) = tokio::sync::oneshot::channel();
    let sending = async {
        let (users_before, users_after) = users.split_at(USERS_BEFORE);
        let (contacts_before, contacts_after) = contacts.split_at(CONTACTS_BEFORE);
        let (early_users, users_before) = users_before.split_at(USERS_BEFORE * EARLY / 10);
        let (early_contacts, contacts_before) = contacts_before.split_at(CONTACTS_BEFORE * EARLY / 10);
        // A steady load: the next ones when most of these are stored.
        let mut sent = 0;
        for (users, contacts) in early_users.chunks(40).zip(early_contacts.chunks(8)) {
            send(&world, &sso.queue, users, &crm.queue, contacts).await;
            sent += users.len() + contacts.len();
            stored_at_least(&world, sent - users.len()).await;
        }
        wait_until_applied.await.unwrap();
        send(&world, &sso.queue, users_before, &crm.queue, contacts_before).await;
        wait_for_new_queues.await.unwrap();
        let queue = |unit| world.topology.queue_url(unit).unwrap();
        send(&world, queue(SSO), users_after, queue(CRM), contacts_after).await;
    };
    let upgrading = async {
        let mut settled = 0;
        let before = USERS_BEFORE + CONTACTS_BEFORE;
        stored_at_least(&world, before / 10).await;
        migrate(&world, unit_binary("migrate")).await;
        let done = apply(&world, &file).await;
        assert!(done.contains(": 0 of "), "the file says what the variables said: {done}");
        applied.send(()).unwrap();
        // The old pods go on by themselves.
        stored_at_least(&world, before * (EARLY + 1) / 10).await;
        new_queues.send(()).unwrap();
        let old = std::mem::take(&mut pods);
        for _ in 0..PODS {
            pods.push(start(&world, SSO, "auth0", &file).await);
        }
        let new_crm = start(&world, CRM, "salesforce", &file).await;
        for queue in [&sso.queue, &crm.queue] {
            world.emptied(queue).await;
        }
        for pod in old.into_iter().chain([former_crm]) {
            settled += stop(pod).await;
        }
        for round in 1..=REPLACED {
            stored_at_least(&world, before + (USERS - USERS_BEFORE) * round / (REPLACED + 2)).await;
            // Every second pod is of the previous release again, as in a rollback.
            let next = if round % 2 == 0 {
                let queues = [world.topology.queue_url(SSO).unwrap(), world.topology.dlq_url(SSO).unwrap()];
                sso.start(&world, &file, Some(queues)).await
            } else {
                start(&world, SSO, "auth0", &file).await
            };
            pods.push(next);
            settled += stop(pods.remove(0)).await;
        }
        pods.push(new_crm);
        (settled, pods)
    };
    let ((), (mut settled, pods)) = tokio::join!(sending, upgrading);
    for unit in [SSO, CRM] {
        world.settled(unit).await;
    }
    for pod in pods {
        settled += stop(pod).await;
    }

    assert_eq!(stored(&world).await, USERS + CONTACTS);
    for former in [&sso, &crm] {
        assert_eq!(world.depth(&former.dlq).await, (0, 0), "{}", former.dlq);
        assert_eq!(world.dead_letters(former.unit, 0).await.len(), 0);
    }
    let again = settled - (USERS + CONTACTS);
    assert!(again <= USERS / 1000, "{again} of {USERS} were received again");
    let read_again = |user: &SimulatedUser| world.idp.requests_for(&user.user_id) > 1;
    let read_again = world.idp.users().into_iter().filter(read_again).count();
    assert!(read_again <= USERS / 1000, "{read_again} of {USERS} were read again");
    let announced: BTreeSet<Uuid> =
        world.announcements(USERS).await.into_iter().filter_map(changed).collect();
    let persons: Vec<Uuid> =
        sqlx::query_scalar("select person_id from person").fetch_all(&world.pool).await.unwrap();
    assert_eq!(persons.into_iter().filter(|person| !announced.contains(person)).count(), 0, "not announced");
    let fresh = fresh_installation(&file, &users, &contacts).await;
    let upgraded = profiles(&world).await;
    assert_eq!(upgraded.len(), USERS, "each contact has joined its user");
    for (upgraded, fresh) in upgraded.iter().zip(&fresh) {
        assert_eq!(upgraded, fresh, "after the upgrade, and in a fresh installation");
    }
    assert_eq!(upgraded.len(), fresh.len());
}

fn changed((kind, announcement): (EventKind, event_contract::Announcement)) -> Option<Uuid> {
    (kind == EventKind::PersonChanged).then_some(announcement.entity_id)
}

/// Users, and contacts with the addresses of some of them, so that both releases compute persons with records of both. Returns the
/// messages that request each.
fn put_records(world: &World) -> (Vec<String>, Vec<String>) {
    let users = (0..USERS).map(|number| {
        let id = format!("auth0|u{number:05}");
        world.idp.put_user(SimulatedUser::new(&id));
        resync_message("auth0", &id)
    });
    let users = users.collect();
    // Not in the order of the users, so that one release reads the user and the other one the contact of half of them.
    let contacts = (0..CONTACTS).map(|position| position * 7 % CONTACTS).map(|number| {
        let user = SimulatedUser::new(&format!("auth0|u{:05}", number * USERS / CONTACTS));
        let id = contact_id(number as u64);
        world.crm.put_contact(SimulatedContact { email: user.email, ..SimulatedContact::new(&id) });
        resync_message("salesforce", &id)
    });
    let contacts = contacts.collect();
    (users, contacts)
}

/// Sends users and contacts side by side.
async fn send(world: &World, sso: &str, users: &[String], crm: &str, contacts: &[String]) {
    let pairs = users.chunks(50).zip(contacts.chunks(contacts.len().div_ceil(users.len().div_ceil(50))));
    for (users, contacts) in pairs {
        world.send_all(sso, users).await.unwrap();
        world.send_all(crm, contacts).await.unwrap();
    }
}

async fn stored(world: &World) -> usize {
    let count: i64 =
        sqlx::query_scalar("select count(*) from source_record").fetch_one(&world.pool).await.unwrap();
    usize::try_from(count).unwrap()
}

async fn stored_at_least(world: &World, wanted: usize) {
    wait_until(PATIENCE, "the pods to store more records", async || {
        Ok((stored(world).await >= wanted).then_some(()))
    })
    .await
    .unwrap();
}

/// What a fresh installation of this release makes of the same sources.
async fn fresh_installation(file: &str, users: &[String], contacts: &[String]) -> Vec<Value> {
    let fresh = World::start().await;
    apply(&fresh, file).await;
    let queue = |unit| fresh.topology.queue_url(unit).unwrap();
    send(&fresh, queue(SSO), users, queue(CRM), contacts).await;
    let pods = [start(&fresh, SSO, "auth0", file).await, start(&fresh, CRM, "salesforce", file).await];
    for unit in [SSO, CRM] {
        fresh.settled(unit).await;
    }
    for pod in pods {
        stop(pod).await;
    }
    profiles(&fresh).await
}

/// Every person that has records, without what each installation chooses for itself: IDs and revisions.
async fn profiles(world: &World) -> Vec<Value> {
    let rows = sqlx::query_scalar(
        "select to_jsonb(one) from (
             select array_agg(source || ':' || external_id order by source, external_id) as records,
                    status, email_verified, profile, provenance
             from person join source_record using (person_id)
             group by person_id, status, email_verified, profile, provenance
         ) one order by records",
    );
    rows.fetch_all(&world.pool).await.unwrap()
}
