//! HubSpot's listing, and its feed of changes by search.

use std::collections::BTreeSet;

use connectors::{Batches, ChangedPage, ChangesFrom, Fetched, HubSpotClient, Listing, ProviderError};
use simulators::ListingFault;
use simulators::hubspot::SimulatedContact;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::fixtures::account;

const START: OffsetDateTime = datetime!(2026-05-01 10:00 UTC);

/// All IDs of a round, and the cursor of the next one.
async fn round(client: &HubSpotClient, from: ChangesFrom<'_>) -> (BTreeSet<u64>, String) {
    let mut page = client.changes(from).await.unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let ChangedPage { ids, next, more, unreadable } = page;
        assert!(unreadable.is_empty());
        seen.extend(ids.iter().map(|id| id.parse::<u64>().unwrap()));
        if !more {
            return (seen, next);
        }
        page = client.changes(ChangesFrom::Cursor(&next)).await.unwrap();
    }
    panic!("the feed leads in a circle");
}

#[tokio::test]
async fn more_contacts_of_one_time_than_a_search_shows_are_all_read() {
    let (account, client) = account().await;
    account.set_burst_limit(100_000);
    account.set_time(Some(START));
    for id in 1..=10_001 {
        account.put_contact(SimulatedContact::bare(id));
    }
    account.set_time(Some(START + Duration::SECOND));
    account.put_contact(SimulatedContact::bare(20_000));
    let (seen, next) = round(&client, ChangesFrom::Time(START - Duration::HOUR)).await;
    let expected: BTreeSet<u64> = (1..=10_001).chain([20_000]).collect();
    assert_eq!(seen, expected);
    assert!(next.contains("2026-05-01T10:00:01Z"), "{next}");
}

#[tokio::test]
async fn changes_of_many_times_are_read_page_by_page_and_later_rounds_begin_where_the_last_ended() {
    let (account, client) = account().await;
    for id in 1..=450_u64 {
        account.set_time(Some(START + Duration::seconds(i64::try_from(id / 7).unwrap())));
        account.put_contact(SimulatedContact::bare(id));
    }
    let (seen, next) = round(&client, ChangesFrom::Time(START)).await;
    assert_eq!(seen, (1..=450).collect::<BTreeSet<u64>>());
    account.set_time(Some(START + Duration::HOUR));
    account.put_contact(SimulatedContact::bare(7));
    let (_, next) = round(&client, ChangesFrom::Cursor(&next)).await;
    let (seen, _) = round(&client, ChangesFrom::Cursor(&next)).await;
    assert_eq!(seen, BTreeSet::from([7]), "the last minutes are read again, and no more");
}

#[tokio::test]
async fn a_change_that_the_index_shows_late_is_read_by_id_at_once_and_seen_in_a_later_round() {
    let (account, client) = account().await;
    account.set_time(Some(START));
    account.put_contact(SimulatedContact::bare(7001));
    account.set_index_lag(true);
    account.set_time(Some(START + Duration::MINUTE));
    account.put_contact(SimulatedContact::bare(7002));
    let (seen, next) = round(&client, ChangesFrom::Time(START - Duration::HOUR)).await;
    assert_eq!(seen, BTreeSet::from([7001]));
    // The event is faster than the index.
    let fetched = client.fetch_many(&["7002".to_owned()]).await.unwrap();
    assert!(matches!(fetched[0], Fetched::Found(_)));
    account.set_index_lag(false);
    assert!(round(&client, ChangesFrom::Cursor(&next)).await.0.contains(&7002));

    // The index has caught up with a later change before.
    account.set_time(Some(START + Duration::minutes(20)));
    account.put_contact(SimulatedContact::bare(7003));
    let (_, next) = round(&client, ChangesFrom::Cursor(&next)).await;
    account.set_time(Some(START + Duration::minutes(15)));
    account.put_contact(SimulatedContact::bare(7004));
    assert!(round(&client, ChangesFrom::Cursor(&next)).await.0.contains(&7004));
}

#[tokio::test]
async fn a_search_shows_no_archived_contact_and_knows_no_other_cursor() {
    let (account, client) = account().await;
    account.put_contact(SimulatedContact::bare(7001));
    account.archive(7001);
    assert!(round(&client, ChangesFrom::Time(START)).await.0.is_empty());
    for cursor in [
        "",
        "mara",
        "{}",
        r#"{"latest":"2026-05-01T10:00:00Z","rest":{"within":{"time":"2026-05-01T10:00:00Z","after":"x"}}}"#,
    ] {
        let read = client.changes(ChangesFrom::Cursor(cursor)).await;
        assert_eq!(read, Err(ProviderError::Invalid { status: 400 }), "{cursor}");
    }
}

#[tokio::test]
async fn a_listing_has_every_living_contact_once_in_the_order_of_ids() {
    let (account, client) = account().await;
    for id in 1..=250 {
        account.put_contact(SimulatedContact::new(id));
    }
    account.archive(17);
    let (mut listed, mut sizes, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = client.list(after.as_deref()).await.unwrap();
        assert_eq!((page.total, page.doubt, page.unreadable.len()), (None, None, 0));
        sizes.push(page.records.len());
        listed.extend(page.records.into_iter().map(|record| {
            assert!(record.version.is_some());
            record.id.parse::<u64>().unwrap()
        }));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [100, 100, 49]);
    assert_eq!(listed, (1..=250).filter(|id| *id != 17).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_page_of_a_listing_that_fails_is_an_error_and_not_the_end() {
    let (account, client) = account().await;
    for id in 1..=150 {
        account.put_contact(SimulatedContact::bare(id));
    }
    account.set_listing_fault(ListingFault::FailedPage(2));
    let first = client.list(None).await.unwrap();
    assert!(client.list(first.next.as_deref()).await.is_err());
    account.set_listing_fault(ListingFault::None);
    assert_eq!(client.list(first.next.as_deref()).await.unwrap().records.len(), 50);
}
