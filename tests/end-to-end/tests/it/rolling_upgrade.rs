//! Two versions of a worker share a queue and a schema while the test replaces pods under load.
//!
//! `COPPICE_PREVIOUS_BINARIES=<folder>` names the binaries of the previous version, built from its tag. Without it, the old
//! pods run this version too, and the test covers only the replacement.

use std::path::Path;

use event_contract::resync_message;
use local_stack::wait_until;
use simulators::auth0::SimulatedUser;
use testkit::{PATIENCE, Worker, World, unit_binary};

const UNIT: &str = "sso-sync";
const MESSAGES: usize = 2000;
const REPLACED: usize = 8;
/// Pods that run at the same time.
const PODS: usize = 2;

/// The binary of the previous version.
fn previous() -> String {
    match std::env::var_os("COPPICE_PREVIOUS_BINARIES") {
        Some(folder) => Path::new(&folder).join(UNIT).to_str().unwrap().to_owned(),
        None => unit_binary(UNIT).to_owned(),
    }
}

/// Stops a pod as Kubernetes does, and returns how many messages it has settled, with any outcome.
async fn stop(mut pod: Worker) -> usize {
    assert_eq!(pod.stop().await, Some(0), "it ends with exit code 0:\n{}", pod.log());
    let log = pod.log();
    let stopped =
        log.lines().find(|line| line.contains("worker stopped")).expect("the log has the last line");
    let stopped: serde_json::Value = serde_json::from_str(stopped).unwrap();
    let numbers = stopped["outcomes"].as_str().unwrap().split(|one: char| !one.is_ascii_digit());
    numbers.filter_map(|number| number.parse::<usize>().ok()).sum()
}

#[tokio::test]
async fn a_rolling_upgrade_under_load_loses_and_repeats_no_message() {
    let world = World::start().await;
    let ids: Vec<String> = (0..MESSAGES).map(|number| format!("auth0|u{number:05}")).collect();
    for id in &ids {
        world.idp.put_user(SimulatedUser::new(id));
    }
    let (before, now) = (previous(), unit_binary(UNIT));
    let mut pods = Vec::new();
    for _ in 0..PODS {
        pods.push(world.start_worker(&before, UNIT, &[]).await);
    }
    let bodies: Vec<String> = ids.iter().map(|id| resync_message("auth0", id)).collect();
    let sending = async {
        for some in bodies.chunks(50) {
            world.enqueue_all(UNIT, some).await.unwrap();
        }
    };
    let replacing = async {
        let mut settled = 0;
        for round in 1..=REPLACED {
            let wanted = MESSAGES * round / (REPLACED + 2);
            wait_until(PATIENCE, "the pods to store more records", async || {
                Ok((stored(&world).await >= wanted).then_some(()))
            })
            .await
            .unwrap();
            // Every fourth pod is of the previous version again, as in a rollback.
            let next = if round % 4 == 0 { before.as_str() } else { now };
            pods.push(world.start_worker(next, UNIT, &[]).await);
            settled += stop(pods.remove(0)).await;
        }
        (settled, pods)
    };
    let ((), (mut settled, pods)) = tokio::join!(sending, replacing);
    world.settled(UNIT).await;
    for pod in pods {
        settled += stop(pod).await;
    }
    assert_eq!(stored(&world).await, MESSAGES);
    assert_eq!(world.dead_letters(UNIT, 0).await.len(), 0);
    let again = settled - MESSAGES;
    assert!(again <= MESSAGES / 1000, "{again} of {MESSAGES} were received again");
    let read_again = ids.iter().filter(|id| world.idp.requests_for(id) > 1).count();
    assert!(read_again <= MESSAGES / 1000, "{read_again} of {MESSAGES} were read again");
}

async fn stored(world: &World) -> usize {
    let count: i64 =
        sqlx::query_scalar("select count(*) from source_record").fetch_one(&world.pool).await.unwrap();
    usize::try_from(count).unwrap()
}
