//! The outbox: it commits with the change, one relay at a time leases a row, and a row returns when its lease expires.

use std::collections::HashSet;
use std::time::Duration;

use event_contract::{IngressChange, IngressEvent};
use postgres_store::{IngressRow, LeasedAnnouncement, StoreError};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::IDP;
use crate::database::{Database, at, found, open};

const LONG: Duration = Duration::from_secs(3600);

async fn announce(database: &Database, number: usize) {
    let readings: Vec<_> = (0..number).map(|id| found(&format!("r{id}"), "x", Some(1001), 1)).collect();
    database.apply(&readings).await;
}

async fn lease(database: &Database, limit: u32) -> Vec<LeasedAnnouncement> {
    database.store.lease_announcements(limit, LONG).await.unwrap()
}

fn ids(leased: &[LeasedAnnouncement]) -> Vec<Uuid> {
    leased.iter().map(|row| row.announcement.event_id).collect()
}

async fn waiting(database: &Database) -> i64 {
    database.store.outbox_depth().await.unwrap().waiting
}

#[tokio::test]
async fn a_change_and_its_announcement_commit_together_or_not_at_all() {
    let database = Database::start().await;
    let refuse = "create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$;";
    database.execute(refuse).await;
    let triggers = [
        "create trigger refuse before insert on outbox for each row execute function refuse()",
        "create constraint trigger refuse after insert on outbox deferrable initially deferred \
         for each row execute function refuse()",
    ];
    for trigger in triggers {
        database.execute(trigger).await;
        let refused = database.store.apply_person_readings(IDP, &[found("a", "ada", Some(1001), 1)]).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { code }) if code == "P0001"));
        assert_eq!(database.row_versions().await, [""; 0], "neither row nor announcement");
        database.execute("drop trigger refuse on outbox").await;
    }
    announce(&database, 1).await;
    assert_eq!((database.row_versions().await.len(), waiting(&database).await), (4, 1));
}

#[tokio::test]
async fn a_commit_wakes_the_relay_and_a_batch_that_changes_nothing_does_not() {
    let database = Database::start().await;
    announce(&database, 1).await;
    let soon = Duration::from_secs(20);
    tokio::time::timeout(soon, database.store.outbox_filled()).await.expect("a commit wakes it");
    announce(&database, 1).await;
    let idle = tokio::time::timeout(Duration::ZERO, database.store.outbox_filled()).await;
    assert!(idle.is_err(), "nothing was committed");
}

#[tokio::test]
async fn the_depth_is_how_many_rows_wait_and_since_when() {
    let database = Database::start().await;
    let depth = database.store.outbox_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.oldest_at), (0, None));
    announce(&database, 3).await;
    database.execute("update outbox set created_at = 'epoch' where event_id = (select event_id from outbox order by 1 limit 1)").await;
    let depth = database.store.outbox_depth().await.unwrap();
    assert_eq!((depth.waiting, depth.oldest_at), (3, Some(time::OffsetDateTime::UNIX_EPOCH)));
}

#[tokio::test]
async fn leases_are_oldest_first_up_to_the_limit_and_exclusive() {
    let database = Database::start().await;
    announce(&database, 5).await;
    let all = database.texts("select event_id::text from outbox order by event_id").await;
    let first = lease(&database, 3).await;
    let rest = lease(&database, 9).await;
    let leased: Vec<_> = [ids(&first), ids(&rest)].concat().iter().map(Uuid::to_string).collect();
    assert_eq!((first.len(), leased), (3, all));
    assert_eq!(lease(&database, 9).await, []);

    database.store.remove_announcements(&ids(&first)).await.unwrap();
    assert_eq!(waiting(&database).await, 2, "only what the bus took is removed");
}

#[tokio::test]
async fn an_expired_lease_can_be_taken_by_any_relay() {
    let database = Database::start().await;
    announce(&database, 2).await;
    let dead = lease(&database, 9).await;
    assert_eq!(lease(&database, 9).await, [], "until the lease expires");
    database.execute("update outbox set leased_until = now() - interval '1 second'").await;
    assert_eq!(ids(&lease(&database, 9).await), ids(&dead));
}

#[tokio::test]
async fn a_released_row_is_due_after_its_delay() {
    let database = Database::start().await;
    announce(&database, 3).await;
    let leased = ids(&lease(&database, 9).await);
    database.store.release_announcements(&leased[..1], Duration::ZERO).await.unwrap();
    database.store.release_announcements(&leased[1..2], LONG).await.unwrap();
    assert_eq!(ids(&lease(&database, 9).await), leased[..1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_two_relays_lease_the_same_row() {
    let database = Database::start().await;
    announce(&database, 600).await;
    let relays: Vec<_> = (0..6)
        .map(|_| {
            let store = open(&database.url);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let leased = ids(&store.lease_announcements(7, LONG).await.unwrap());
                    assert!(leased.len() <= 7, "more than asked for");
                    if leased.is_empty() {
                        return mine;
                    }
                    mine.extend(leased);
                    assert!(mine.len() <= 600, "rows are leased again and again");
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for relay in relays {
        all.extend(relay.await.unwrap());
    }
    // A relay may see only rows that another is leasing, and stop. The rest is left for its next poll.
    all.extend(ids(&lease(&database, 600).await));
    assert_eq!(all.len(), 600);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 600);
}

#[tokio::test]
async fn rows_that_another_relay_is_leasing_are_skipped_without_a_wait() {
    let database = Database::start().await;
    announce(&database, 4).await;
    let mut other = sqlx::PgConnection::connect(&database.direct).await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    let locked: Vec<Uuid> =
        sqlx::query_scalar("select event_id from outbox order by event_id limit 2 for update")
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
    let leased =
        tokio::time::timeout(Duration::from_secs(20), lease(&database, 9)).await.expect("no waiting");
    assert_eq!(leased.len(), 2);
    assert!(ids(&leased).iter().all(|id| !locked.contains(id)));
}

#[tokio::test]
async fn rows_of_a_newer_form_are_left_for_a_newer_relay_and_delay_no_others() {
    let database = Database::start().await;
    announce(&database, 6).await;
    database
        .execute("update outbox set kind = 'PersonDreamt' where event_id in (select event_id from outbox order by 1 limit 2)")
        .await;
    database
        .execute("update outbox set hop = 99 where event_id = (select event_id from outbox order by 1 offset 2 limit 1)")
        .await;
    assert_eq!(lease(&database, 3).await, [], "the oldest are of a newer form");
    // Their leases expire while others wait.
    database
        .execute("update outbox set leased_until = now() - interval '1 second' where leased_until > now()")
        .await;
    assert_eq!(lease(&database, 3).await.len(), 3, "rows that were never leased come first");
    assert_eq!(waiting(&database).await, 6, "none is lost");
}

#[tokio::test]
async fn events_of_webhooks_wait_in_an_outbox_of_their_own() {
    let database = Database::start().await;
    announce(&database, 1).await;
    let row = |ids: &[&str], change, not_before| IngressRow {
        event_id: Uuid::now_v7(),
        source: String::from("coppice.ingress.idp"),
        detail_type: String::from("user.changed"),
        event: IngressEvent {
            ids: ids.iter().map(|id| String::from(*id)).collect(),
            change,
            not_before,
            account: not_before.map(|_| String::from("acct_1 live")),
        },
    };
    let rows = [
        row(&["a", "b"], IngressChange::Changed, Some(at(1))),
        row(&["c"], IngressChange::Deleted, None),
        row(&[], IngressChange::Missed, None),
    ];
    database.store.keep_ingress_events(&rows).await.unwrap();
    assert_eq!(database.store.lease_ingress_events(9, LONG).await.unwrap(), rows);
    assert_eq!(database.store.lease_ingress_events(9, LONG).await.unwrap(), []);

    database.store.remove_ingress_events(&[rows[0].event_id]).await.unwrap();
    database
        .store
        .release_ingress_events(&[rows[1].event_id, rows[2].event_id], Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(database.store.ingress_outbox_depth().await.unwrap().waiting, 2);
    assert_eq!(database.store.lease_ingress_events(9, LONG).await.unwrap(), rows[1..]);
    assert_eq!(waiting(&database).await, 1, "announcements are not affected");
}
