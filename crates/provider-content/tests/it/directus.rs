//! Directus's client against the simulated project.

use provider_content::{ChangesError, ContentClient, ContentProvider, FetchedItem, ItemKey, ProviderError};
use simulators::directus::{DirectusControl, DirectusSimulator, PageFault};
use time::{Duration, OffsetDateTime};

use crate::clients::{directus_with, page, read, refusal, summary};
use provider_http::test_server::{answering, noting};

const COLLECTIONS: [&str; 2] = ["articles", "notices"];

fn client(cms: &DirectusControl, page_size: u32) -> ContentClient {
    directus_with(&cms.base_url(), cms.token(), "articles", page_size)
}

/// Long before the overlap, so that only new items are read again.
fn long_ago() -> OffsetDateTime {
    OffsetDateTime::now_utc() - Duration::hours(5)
}

#[tokio::test]
async fn everything_is_read_and_then_only_what_changes() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    for (number, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        cms.put_at("articles", id, id, long_ago() + Duration::minutes(20 * number as i64));
    }
    cms.put_at("notices", "a", "notice", long_ago()); // of another collection
    let client = client(&cms, 2);
    let (first, _) = read(&client, None).await;
    let all = ["articles/a a", "articles/b b", "articles/c c", "articles/d d", "articles/e e"];
    assert_eq!(summary(&first), all);
    assert_eq!(client.count().await, Ok(5));

    cms.put("articles", "b", "changed");
    cms.put("articles", "new", "new");
    cms.delete("articles", "c");
    let (changes, _) = read(&client, Some(&first.next)).await;
    // The newest of each stream is read again, because of the overlap. No page shows the deletion.
    assert_eq!(summary(&changes), ["articles/b changed", "articles/e e", "articles/new new"]);
    let (again, _) = read(&client, Some(&changes.next)).await;
    assert_eq!(summary(&again), ["articles/b changed", "articles/new new"]);
    assert_eq!(client.source(), "directus");
}

#[tokio::test]
async fn an_item_is_published_as_its_status_says() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    cms.put("articles", "a", "a");
    let client = client(&cms, 2);
    let published = read(&client, None).await.0.items[0].clone();
    assert_eq!((published.published, published.content_type.as_str()), (true, "articles"));
    cms.set_item_status("articles", "a", "draft");
    let key = ItemKey { collection: String::from("articles"), id: String::from("a") };
    let Ok(FetchedItem::Found(draft)) = client.fetch_item(&key).await else { panic!("it is there") };
    assert!(!draft.published && draft.version >= published.version && draft.key == published.key);
    cms.delete("articles", "a");
    assert_eq!(client.fetch_item(&key).await, Ok(FetchedItem::Gone));
    cms.forbid(true);
    assert_eq!(client.fetch_item(&key).await, Err(ProviderError::Unauthorized), "forbidden is not gone");
}

#[tokio::test]
async fn an_item_that_is_updated_while_changes_are_read_is_not_missed() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    let client = client(&cms, 1);
    let mut cursor = read(&client, None).await.0.next;
    for id in ["a", "b", "c"] {
        cms.put("articles", id, id);
    }
    let mut seen = Vec::new();
    for round in 0.. {
        let next = page(&client, Some(&cursor)).await;
        seen.extend(summary(&next));
        cursor = next.next;
        if round == 0 {
            cms.put("articles", "c", "updated"); // It leaves the stream that is being read.
        }
        if !next.more {
            break;
        }
    }
    assert!(seen.contains(&String::from("articles/c updated")), "{seen:?}");
}

#[tokio::test]
async fn an_item_committed_late_with_an_earlier_time_is_still_read() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    let now = OffsetDateTime::now_utc();
    cms.put_at("articles", "a", "a", now);
    let client = client(&cms, 10);
    let (first, _) = read(&client, None).await;
    cms.put_at("articles", "late", "late", now - Duration::minutes(4));
    let (changes, _) = read(&client, Some(&first.next)).await;
    assert_eq!(summary(&changes), ["articles/a a", "articles/late late"]);
}

#[tokio::test]
async fn a_server_with_smaller_pages_than_requested_hides_no_item() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    cms.set_limit_max(2);
    for number in 0..7 {
        cms.put("articles", &number.to_string(), "x");
    }
    let client = client(&cms, 100);
    let (first, _) = read(&client, None).await;
    assert_eq!(first.items.len(), 7);
    for number in 10..15 {
        cms.put("articles", &number.to_string(), "x");
    }
    let (changes, _) = read(&client, Some(&first.next)).await;
    assert_eq!(changes.items.len(), 12);
}

#[tokio::test]
async fn items_of_one_moment_are_all_read() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    let client = client(&cms, 100);
    let (first, _) = read(&client, None).await;
    let now = OffsetDateTime::now_utc();
    // As many as an editor changes at once: their IDs would not fit into a URL.
    for number in 0..600 {
        cms.put_at("articles", &format!("d99bd50f-11f8-4216-898d-{number:012}"), "x", now);
    }
    assert_eq!(read(&client, Some(&first.next)).await.0.items.len(), 600);
}

#[tokio::test]
async fn a_repeated_page_is_refused() {
    let cms = DirectusSimulator::start().await;
    cms.create_collections(&COLLECTIONS);
    let client = client(&cms, 2);
    let (first, _) = read(&client, None).await;
    for id in ["a", "b", "c"] {
        cms.put("articles", id, id);
    }
    let next = page(&client, Some(&first.next)).await;
    cms.set_page_fault(0, PageFault::Repeated);
    let repeated = refusal(&client, Some(&next.next)).await;
    assert_eq!(repeated, ChangesError::Provider(ProviderError::WHOLE_REPLY_MALFORMED));
    assert_eq!(summary(&page(&client, Some(&next.next)).await), ["articles/c c"]);
}

#[tokio::test]
async fn a_recorded_page_is_read() {
    let sample: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/directus-items.json")).unwrap();
    let (url, asked) = noting(sample).await;
    let client = directus_with(&url, "t", "articles", 2);
    let cursor = r#"{"stream":"updated","after":null,"newest":
        {"created":null,"updated":"2026-11-23T06:00:00.5Z"}}"#;
    let page = page(&client, Some(cursor)).await;
    assert_eq!(
        summary(&page),
        [
            "articles/d99bd50f-11f8-4216-898d-a65719b47609 Notice 1",
            "articles/eed9320a-0b0e-498e-b2fb-24f94841bb5d Notice 2",
        ]
    );
    assert_eq!(asked.paths(), ["/items/articles"]);
    let expected = serde_json::json!({"query": {
        "filter": {"_and": [{"date_updated": {"_gte": "2026-11-23T05:55:00.5Z"}}]},
        "sort": ["date_updated", "id"], "limit": 2,
    }});
    assert_eq!(asked.bodies(), [expected]);
}

#[tokio::test]
async fn a_cursor_of_another_form_is_refused() {
    let client = directus_with(&answering(200, &[], r#"{"data":[]}"#).await, "t", "articles", 2);
    let cursor = r#"{"stream":9,"after":null,"newest":{}}"#;
    assert_eq!(refusal(&client, Some(cursor)).await, ChangesError::CursorRefused);
    assert_eq!(refusal(&client, Some("{}")).await, ChangesError::CursorRefused);
}

#[tokio::test]
async fn a_collection_of_another_server_is_another_scope() {
    let scope = |url: &str, collection| directus_with(url, "t", collection, 2).scope();
    assert_eq!(scope("https://CMS.example/", "articles"), "cms.example/articles");
    assert_eq!(scope("https://cms.example/two/", "articles"), "cms.example/two/articles");
    assert_eq!(scope("https://cms.example:8055", "notices"), "cms.example:8055/notices");
}

#[tokio::test]
async fn an_odd_value_costs_its_field_and_an_unreadable_item_costs_no_other() {
    let items = serde_json::json!({"data": [
        {"id": 7, "date_created": "2026-11-23T06:00:00", "date_updated": null, "status": 3, "title": ["x"]},
        {"id": {}, "date_created": "2026-11-23T06:00:01Z", "title": "no ID"},
        {"id": "b", "date_created": "yesterday", "title": "no time"},
        {"id": "c", "date_created": "2026-11-23 06:00:02+00:00", "date_updated": "soon", "title": "c"},
    ]});
    let client = directus_with(&answering(200, &[], items).await, "t", "articles", 9);
    let read = page(&client, None).await;
    let ids: Vec<&str> = read.items.iter().map(|item| item.key.id.as_str()).collect();
    assert_eq!((ids, read.ignored), (vec!["7", "c"], 2));
    assert!(read.items.iter().all(|item| item.version.is_some()), "{read:?}");
    let none = serde_json::json!({"data": [{"id": {}}, {"id": "b"}]});
    let client = directus_with(&answering(200, &[], none).await, "t", "articles", 9);
    let continued = r#"{"stream":"created","after":{"at":"2026-11-23T06:00:00Z","ids":["a"]},
        "newest":{"created":null,"updated":null}}"#;
    for cursor in [None, Some(continued)] {
        let refused = refusal(&client, cursor).await;
        assert_eq!(refused, ChangesError::Provider(ProviderError::WHOLE_REPLY_MALFORMED), "{cursor:?}");
    }
}

#[tokio::test]
async fn an_item_whose_field_has_two_values_is_not_read() {
    let key = ItemKey { collection: String::from("articles"), id: String::from("a") };
    let item =
        |fields: &str| format!(r#"{{"data":[{{"id":"a","date_created":"2026-11-23T06:00:00Z",{fields}}}]}}"#);
    for draft in [
        r#""status":"draft","status":"published""#,
        r#""status":"published","status":"draft""#,
        r#""status":"published","title":{"de":"x","de":"y"}"#,
    ] {
        let client = directus_with(&answering(200, &[], item(draft)).await, "t", "articles", 9);
        let malformed = ProviderError::WHOLE_REPLY_MALFORMED;
        assert_eq!(client.fetch_item(&key).await, Err(malformed.clone()), "{draft}");
        assert_eq!(refusal(&client, None).await, ChangesError::Provider(malformed), "{draft}");
    }
    // The same value twice is one, and names in another case are other fields.
    for published in [
        r#""status":"published","status":null"#,
        r#""status":null,"status":"published","Status":"draft","ID":7"#,
    ] {
        let client = directus_with(&answering(200, &[], item(published)).await, "t", "articles", 9);
        let Ok(FetchedItem::Found(found)) = client.fetch_item(&key).await else { panic!("{published}") };
        assert!(found.published && found.body["status"] == "published", "{published}");
    }
}

#[tokio::test]
async fn a_singleton_is_no_list_of_one() {
    let singleton =
        r#"{"data":{"id":"a","date_created":"2026-11-23T06:00:00Z","status":"published","count":1}}"#;
    let client = directus_with(&answering(200, &[], singleton).await, "t", "globals", 9);
    let key = ItemKey { collection: String::from("globals"), id: String::from("a") };
    let malformed = ProviderError::WHOLE_REPLY_MALFORMED;
    assert_eq!(client.fetch_item(&key).await, Err(malformed.clone()));
    assert_eq!(client.count().await, Err(malformed.clone()));
    assert_eq!(refusal(&client, None).await, ChangesError::Provider(malformed));
}
