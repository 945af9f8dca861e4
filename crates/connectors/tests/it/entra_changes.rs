//! The list of Entra's users, the delta query, and events, against the simulated tenant.

use std::collections::BTreeSet;

use connectors::{
    ChangedPage, ChangesFrom, EntraClient, ListedPage, Listing, ProviderError, RecordEvent, RecordHint,
    Records, SourceEvents, UnreadableEvent, connector,
};
use event_contract::Envelope;
use provider_http::test_server::{NOWHERE, answering};
use serde_json::{Value, json};
use simulators::ListingFault;
use simulators::entra::{EntraSimulator, Fault, SimulatedUser, TokenEnd};
use time::OffsetDateTime;

use crate::entra_client::{ID, OTHER, client, tenant};
use crate::fixtures::{entra, entra_at, event, okta, scim_at, source};

fn id(number: usize) -> String {
    format!("3c9a1f70-5b2e-4d11-9a0c-7e6f1000{number:04}")
}

async fn with_users(count: usize) -> EntraSimulator {
    let tenant = tenant().await;
    (0..count).for_each(|number| tenant.put_user(SimulatedUser::new(&id(number))));
    tenant
}

async fn list(client: &EntraClient) -> Result<Vec<ListedPage>, ProviderError> {
    let mut pages: Vec<ListedPage> = Vec::new();
    loop {
        let page = client.list(pages.last().and_then(|page| page.next.as_deref())).await?;
        let ended = page.next.is_none();
        pages.push(page);
        if ended {
            return Ok(pages);
        }
    }
}

fn listed(pages: &[ListedPage]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.records).map(|record| record.id.as_str()).collect()
}

const BEGINNING: ChangesFrom<'_> = ChangesFrom::Time(OffsetDateTime::UNIX_EPOCH);

/// A whole round: its IDs, its pages, and where the next one begins.
async fn round(
    client: &EntraClient,
    from: ChangesFrom<'_>,
) -> Result<(Vec<String>, usize, String), ProviderError> {
    let mut page: ChangedPage = client.changes(from).await?;
    let (mut ids, mut pages) = (Vec::new(), 1);
    loop {
        ids.extend(page.ids);
        assert_eq!(page.unreadable, [""; 0]);
        if !page.more {
            return Ok((ids, pages, page.next));
        }
        page = client.changes(ChangesFrom::Cursor(&page.next)).await?;
        pages += 1;
    }
}

#[tokio::test]
async fn all_users_are_listed_page_by_page_without_deleted_ones() {
    let tenant = with_users(1002).await;
    let client = client(&tenant);
    tenant.delete(&id(1001));
    let pages = list(&client).await.unwrap();
    assert_eq!(pages.iter().map(|page| page.records.len()).collect::<Vec<_>>(), [999, 2]);
    assert_eq!(listed(&pages), (0..1001).map(id).collect::<Vec<_>>());
    assert!(pages.iter().all(|page| page.doubt.is_none() && page.total.is_none()));
}

#[tokio::test]
async fn a_page_without_users_is_in_doubt_and_a_failed_one_is_an_error() {
    let tenant = with_users(1002).await;
    let client = client(&tenant);
    tenant.set_listing_fault(ListingFault::EmptyPage(1));
    assert!(client.list(None).await.unwrap().doubt.is_some());
    tenant.set_listing_fault(ListingFault::FailedPage(2));
    assert!(matches!(list(&client).await, Err(ProviderError::Unavailable { .. })));
    tenant.set_listing_fault(ListingFault::RepeatedPage(2));
    assert_eq!(list(&client).await, Err(ProviderError::WRONG_LINK), "it links to itself");
    for body in ["{}", "[]", r#"{"value":null}"#, r#"{"error":{"code":"x"}}"#] {
        let read = entra_at(&answering(200, &[], body).await).list(None).await;
        assert_eq!(read, Err(ProviderError::Unreadable { field: "value" }), "{body}");
    }
    let odd = json!({"value": [{"id": ID}, {"id": "tove@bayside.example"}, 7, {"ID": OTHER.to_uppercase()}]});
    let page = entra_at(&answering(200, &[], odd).await).list(None).await.unwrap();
    assert_eq!(listed(std::slice::from_ref(&page)), [ID, OTHER]);
    assert_eq!(page.unreadable, ["record 2", "record 3"]);
}

/// Case 10.
#[tokio::test]
async fn a_link_to_another_host_is_refused() {
    let tenant = with_users(1002).await;
    let client = client(&tenant);
    tenant.set_delta_page(100);
    for host in ["https://graph.elsewhere.example", "http://graph.microsoft.com"] {
        tenant.set_link_host(Some(host));
        assert_eq!(client.list(None).await, Err(ProviderError::WRONG_LINK), "{host}");
        assert_eq!(client.changes(BEGINNING).await, Err(ProviderError::WRONG_LINK), "{host}");
    }
    tenant.set_link_host(None);
    assert_eq!(listed(&list(&client).await.unwrap()).len(), 1002);
}

/// Case 5.
#[tokio::test]
async fn a_round_has_every_change_though_pages_are_empty_and_items_come_twice() {
    let tenant = with_users(250).await;
    let client = client(&tenant);
    tenant.set_delta_repeats(true);
    let (ids, pages, cursor) = round(&client, BEGINNING).await.unwrap();
    let all: BTreeSet<String> = ids.iter().cloned().collect();
    assert_eq!(all, (0..250).map(id).collect());
    assert!(ids.len() > all.len() && pages == 4, "{} IDs, {pages} pages", ids.len());

    let (ids, _, cursor) = round(&client, ChangesFrom::Cursor(&cursor)).await.unwrap();
    assert_eq!(ids, [""; 0], "nothing has changed");
    tenant.update(&id(7), |user| user.enabled = false);
    tenant.update(&id(8), |user| user.job_title = Some("Harbour pilot".into()));
    tenant.delete(&id(9));
    let (ids, _, cursor) = round(&client, ChangesFrom::Cursor(&cursor)).await.unwrap();
    let ids: BTreeSet<String> = ids.into_iter().collect();
    assert_eq!(ids, [id(7), id(9)].into(), "a field that is not selected is no change");
    tenant.restore(&id(9));
    let (ids, _, cursor) = round(&client, ChangesFrom::Cursor(&cursor)).await.unwrap();
    assert!(ids.contains(&id(9)), "an undeleted user is a change, since deletedDateTime is selected");
    tenant.delete(&id(10));
    tenant.purge(&id(10));
    let (ids, _, _) = round(&client, ChangesFrom::Cursor(&cursor)).await.unwrap();
    assert!(ids.contains(&id(10)));
}

/// Case 6.
#[tokio::test]
async fn a_token_that_is_no_longer_known_is_the_documented_error_and_no_page() {
    let ends = [
        TokenEnd::Gone,
        TokenEnd::Code("syncStateNotFound"),
        TokenEnd::Code("SyncStateNotFound"),
        TokenEnd::Code("Directory_ExpiredPageToken"),
        TokenEnd::Code("resyncRequired"),
    ];
    for end in ends {
        let tenant = with_users(3).await;
        let client = client(&tenant);
        tenant.set_delta_page(2);
        let within = client.changes(BEGINNING).await.unwrap();
        let (_, _, behind) = round(&client, BEGINNING).await.unwrap();
        tenant.end_delta_tokens(end);
        for cursor in [&within.next, &behind] {
            let read = client.changes(ChangesFrom::Cursor(cursor)).await;
            assert_eq!(read, Err(ProviderError::Invalid { status: 410 }), "{end:?}");
        }
        assert_eq!(round(&client, BEGINNING).await.unwrap().0.len(), 3, "a new round begins");
    }
    let tenant = with_users(1).await;
    tenant.end_delta_tokens(TokenEnd::Code("of tomorrow"));
    for cursor in ["", "round ", "2026-11-30T10:00:00Z"] {
        let read = client(&tenant).changes(ChangesFrom::Cursor(cursor)).await;
        assert_eq!(read, Err(ProviderError::Invalid { status: 400 }), "{cursor}");
    }
    assert_eq!(tenant.total_requests(), 0);
}

#[tokio::test]
async fn a_round_without_one_link_is_refused() {
    let skip = json!("/v1.0/users/delta?$skiptoken=a");
    let delta = json!("/v1.0/users/delta?$deltatoken=b");
    let read = |next: Value, round: Value| async move {
        let body = json!({ "value": [{ "id": ID }], "@odata.nextLink": next, "@odata.deltaLink": round });
        entra_at(&answering(200, &[], body).await).changes(ChangesFrom::Cursor("within a")).await
    };
    let page = |next: &str, more| {
        Ok(ChangedPage { ids: vec![ID.to_owned()], next: next.to_owned(), more, unreadable: Vec::new() })
    };
    assert_eq!(read(Value::Null, delta.clone()).await, page("round b", false));
    assert_eq!(read(json!("/v1.0/users/delta?$skipToken=c"), Value::Null).await, page("within c", true));
    for (next, round) in [
        (Value::Null, Value::Null),
        (skip.clone(), delta.clone()),
        (skip, Value::Null),
        (delta.clone(), Value::Null),
        (Value::Null, json!("/v1.0/groups/delta?$deltatoken=b")),
    ] {
        let about = format!("{next} {round}");
        assert_eq!(read(next, round).await, Err(ProviderError::WRONG_LINK), "{about}");
    }
    let unreadable = Err(ProviderError::Unreadable { field: "@odata.nextLink" });
    assert_eq!(read(json!(7), delta).await, unreadable);
}

#[tokio::test]
async fn the_delta_query_during_an_outage_is_an_outage() {
    let tenant = with_users(1).await;
    tenant.set_fault(Fault::Down);
    assert!(matches!(client(&tenant).changes(BEGINNING).await, Err(ProviderError::Unavailable { .. })));
}

fn ingress(source: &str, detail: &Value) -> Envelope {
    let event = json!({"id": "9b7f4c1e-6a41-4b0f-8a54-0d5ad1d1c7aa", "detail-type": "updated", "source": source,
        "time": "2026-11-20T15:10:42Z", "detail": detail});
    Envelope::parse(&event.to_string()).unwrap()
}

fn read(event: &Envelope) -> Result<RecordEvent, UnreadableEvent> {
    source("entra", entra()).read_event(event)
}

fn one(hint: RecordHint) -> Result<RecordEvent, UnreadableEvent> {
    Ok(RecordEvent::Records(vec![hint]))
}

#[test]
fn an_event_names_users_by_their_ids() {
    let of = |detail: Value| read(&ingress("coppice.ingress.entra", &detail));
    assert_eq!(read(&event("entra/ingress")), one(RecordHint::changed(ID.to_owned())));
    let removed = RecordHint { removed: true, ..RecordHint::changed(ID.to_owned()) };
    assert_eq!(of(json!({"ids": [ID.to_uppercase()], "change": "deleted"})), one(removed));
    assert_eq!(of(json!({"ids": [], "change": "missed"})), Ok(RecordEvent::Everything));
    assert_eq!(read(&event("entra/ingress-missed")), Ok(RecordEvent::Everything));
    let not_an_id = Err(UnreadableEvent::NotAnId { of: "a user of Microsoft Entra ID" });
    assert_eq!(of(json!({"ids": ["tove@bayside.example"], "change": "changed"})), not_an_id);
    assert!(matches!(of(json!({"ids": [""], "change": "changed"})), Err(UnreadableEvent::Shape { .. })));
    assert!(matches!(of(json!({"ids": [ID], "change": "lost"})), Err(UnreadableEvent::Shape { .. })));
}

#[test]
fn an_event_of_another_tenant_is_refused() {
    let of = |account: &str| {
        ingress("coppice.ingress.entra", &json!({"ids": [ID], "change": "changed", "account": account}))
    };
    let refused = Err(UnreadableEvent::OtherAccount { setting: "tenant_id" });
    assert_eq!(read(&of(OTHER)), refused);
    let missed = json!({"ids": [], "change": "missed", "account": OTHER});
    assert_eq!(read(&ingress("coppice.ingress.entra", &missed)), refused);
    let without_settings = SourceEvents::of("entra", connector("entra").unwrap()).read(&of(OTHER));
    assert_eq!(without_settings, one(RecordHint::changed(ID.to_owned())), "a tool has no tenant");
}

#[test]
fn only_entra_reads_entra_s_events_and_it_has_no_sign_ins() {
    assert!(entra().sign_ins().is_none());
    let foreign = |expected: &str| Err(UnreadableEvent::ForeignSource { expected: expected.into() });
    assert_eq!(source("okta", okta()).read_event(&event("entra/ingress")), foreign("okta"));
    assert_eq!(read(&event("okta/ingress")), foreign("entra"));
    // Of the others, none takes an event about everything for one about no user.
    let missed = ingress("coppice.ingress.scim", &json!({"ids": [], "change": "missed"}));
    let read = source("scim", scim_at(NOWHERE)).read_event(&missed);
    assert!(matches!(read, Err(UnreadableEvent::Shape { .. })), "{read:?}");
}
