//! The same worker with Microsoft Entra ID: it receives what `webhook-ingress` makes of notifications, and reads Graph.

use local_stack::wait_until;
use serde_json::{Value, json};
use simulators::entra::{Application, EntraSimulator, Fault, SimulatedUser};
use testkit::{ENTRA, PATIENCE, PersonRow, Setup, Worker, World, entra_settings};

use crate::{UNIT, start};

const OTTILIE: &str = "3c9a1f70-5b2e-4d11-9a0c-7e6f10c2d4b8";
const APP: &str = "11aa0c5e-7f21-4d0b-9c3e-5a6b7c8d9e0f";

async fn tenant(world: &World) -> (EntraSimulator, Worker) {
    let tenant = EntraSimulator::start().await;
    tenant.put_application(Application::new(APP).with_secret("s3cret"));
    let url = tenant.base_url();
    let settings = entra_settings(&url, tenant.tenant_id(), APP, "s3cret");
    let worker = start(world, &settings).await;
    (tenant, worker)
}

async fn deliver(world: &World, tenant: &EntraSimulator, change: &str, ids: Value) {
    let detail = json!({ "ids": ids, "change": change, "account": tenant.tenant_id() }).to_string();
    world.publish("coppice.ingress.entra", "updated", &detail).await;
}

async fn is(world: &World, status: &str) -> PersonRow {
    world.person_where(OTTILIE, |person| person.status == status).await
}

#[tokio::test]
async fn the_person_follows_its_entra_user_through_deletion_and_restoration() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(ENTRA)).await;
    let (tenant, worker) = tenant(&world).await;
    let changed = async |change| deliver(&world, &tenant, change, json!([OTTILIE])).await;
    tenant.put_user(SimulatedUser::new(OTTILIE));
    changed("changed").await;
    let created = is(&world, "active").await;
    assert_eq!(created.email, tenant.user(OTTILIE).unwrap().mail);

    tenant.update(OTTILIE, |user| user.enabled = false);
    changed("changed").await;
    is(&world, "blocked").await;

    tenant.delete(OTTILIE);
    changed("changed").await;
    let gone = is(&world, "deleted").await;
    assert_eq!((gone.email, gone.given_name), (None, None), "a tombstone holds nothing personal");

    tenant.restore(OTTILIE);
    changed("changed").await;
    is(&world, "blocked").await;

    tenant.delete(OTTILIE);
    tenant.purge(OTTILIE);
    changed("deleted").await;
    is(&world, "deleted").await;
    world.settled(UNIT).await;
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
    for value in SimulatedUser::new(OTTILIE).personal_values() {
        assert!(!worker.log().contains(&value), "{value}");
    }
}

#[tokio::test]
async fn an_answer_without_account_enabled_changes_nothing() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(ENTRA)).await;
    let (tenant, _worker) = tenant(&world).await;
    tenant.put_user(SimulatedUser { enabled: false, ..SimulatedUser::new(OTTILIE) });
    deliver(&world, &tenant, "changed", json!([OTTILIE])).await;
    is(&world, "blocked").await;
    world.settled(UNIT).await;
    tenant.set_fault(Fault::Partial);
    let asked = tenant.requests_for(OTTILIE);
    deliver(&world, &tenant, "changed", json!([OTTILIE])).await;
    let answered = async || Ok((tenant.requests_for(OTTILIE) > asked).then_some(()));
    wait_until(PATIENCE, "the partial answer", answered).await.unwrap();
    tenant.set_fault(Fault::None);
    world.settled(UNIT).await;
    let person = world.person(OTTILIE).await.unwrap();
    assert_eq!((person.status.as_str(), person.revision), ("blocked", 1));
}

#[tokio::test]
async fn lost_notifications_request_a_resync_and_other_tenants_are_refused() {
    let world = World::start_with(Setup::DEFAULT.with_emulator().with_sources(ENTRA)).await;
    let (tenant, _worker) = tenant(&world).await;
    deliver(&world, &tenant, "missed", json!([])).await;
    let requested = async || {
        let source: Option<String> =
            sqlx::query_scalar("select source from resync_request").fetch_optional(&world.pool).await?;
        Ok(source)
    };
    assert_eq!(wait_until(PATIENCE, "a request for a resync", requested).await.unwrap(), "entra");
    assert_eq!(tenant.total_requests(), 0, "no record is read");

    let detail = json!({ "ids": [OTTILIE], "change": "changed", "account": OTTILIE }).to_string();
    world.publish("coppice.ingress.entra", "updated", &detail).await;
    assert_eq!(world.dead_letters(UNIT, 1).await.len(), 1);
    assert_eq!(tenant.total_requests(), 0);
}
