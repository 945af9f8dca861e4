//! The requests to Contentful, word for word, and the links of its pages.

use provider_content::{ChangesError, ContentProvider, ItemKey, ProviderError};
use serde_json::{Value, json};
use simulators::contentful::{ContentfulSimulator, PageFault};

use crate::clients::{SECRET, contentful, refusal};
use crate::contentful::client;
use provider_http::test_server::{answering, noting};

const SYNC: &str = "/spaces/orchard1/environments/master/sync";

fn sample() -> Value {
    serde_json::from_str(include_str!("../fixtures/contentful-sync.json")).unwrap()
}

#[tokio::test]
async fn a_page_is_requested_by_its_token_alone() {
    let (url, asked) =
        noting(json!({ "items": [], "nextPageUrl": format!("{SYNC}?sync_token=a%26b"), "total": 3 })).await;
    let client = contentful(&url);
    let page = client.changed_since(None).await.unwrap();
    assert_eq!((page.next.as_str(), page.more), ("a&b", true));
    client.changed_since(Some(&page.next)).await.unwrap();
    assert_eq!(client.count().await, Ok(6));
    let key = ItemKey { collection: String::from("asset"), id: String::from("a/../b") };
    client.fetch_item(&key).await.unwrap_err();
    let environment = "/spaces/orchard1/environments/master";
    let expected = [
        format!("{SYNC}?initial=true&limit=2"),
        format!("{SYNC}?sync_token=a%26b"),
        format!("{environment}/entries?limit=0"),
        format!("{environment}/assets?limit=0"),
        format!("{environment}/assets/a%2F..%2Fb?locale=*"),
    ];
    assert_eq!(asked.paths(), expected);
    assert_eq!(asked.header("authorization"), vec![format!("Bearer {SECRET}"); 5]);
}

#[tokio::test]
async fn a_recorded_page_is_read() {
    let mut sample = sample();
    sample["nextSyncUrl"] = json!(format!("{SYNC}?sync_token=w5Z"));
    sample["items"].as_array_mut().unwrap().push(json!({ "sys": { "type": "DeletedTag", "id": "t" } }));
    let page = contentful(&answering(200, &[], sample).await).changed_since(Some("x")).await.unwrap();
    assert_eq!((page.next.as_str(), page.more, page.ignored), ("w5Z", false, 1));
    let [item] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(
        (item.key.id.as_str(), item.content_type.as_str(), item.revision),
        ("6lNoticeQuay", "notice", Some(7))
    );
    assert_eq!(item.version, Some(time("2026-11-23T05:58:12.331Z")));
    assert_eq!(
        item.body,
        json!({ "fields": { "title": { "en-US": "Quay closure" }, "slug": { "en-US": "quay-closure" } } })
    );
    let [gone] = page.deletions.as_slice() else { panic!("{page:?}") };
    assert_eq!((gone.key.id.as_str(), gone.at), ("2oldNotice", Some(time("2026-11-23T05:59:00.000Z"))));
}

fn time(text: &str) -> time::OffsetDateTime {
    time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
}

#[tokio::test]
async fn a_page_without_exactly_one_link_of_its_own_server_is_malformed() {
    let own = format!("{SYNC}?sync_token=1");
    for links in [
        json!({}),
        json!({ "nextPageUrl": own, "nextSyncUrl": own }),
        json!({ "nextSyncUrl": "https://elsewhere.example/spaces/orchard1/environments/master/sync?sync_token=1" }),
        json!({ "nextSyncUrl": "/spaces/other/environments/master/sync?sync_token=1" }),
        json!({ "nextSyncUrl": SYNC }),
        json!({ "nextSyncUrl": format!("{SYNC}?sync_token=") }),
    ] {
        let mut reply = links.clone();
        reply["items"] = json!([]);
        let outcome = refusal(&contentful(&answering(200, &[], reply).await), None).await;
        let unusable = matches!(outcome, ChangesError::Provider(ProviderError::Unusable { .. }));
        assert!(unusable, "{links}: {outcome:?}");
    }
}

#[tokio::test]
async fn every_fault_of_a_page_has_its_error() {
    let cms = ContentfulSimulator::start().await;
    cms.publish_entry("a", "a");
    let client = client(&cms, 10);
    let fault = async |fault| {
        cms.set_page_fault(0, fault);
        client.changed_since(None).await
    };
    assert!(matches!(
        fault(PageFault::Status(502)).await,
        Err(ChangesError::Provider(ProviderError::Unavailable { .. }))
    ));
    assert!(matches!(
        fault(PageFault::LinkElsewhere).await,
        Err(ChangesError::Provider(ProviderError::Unusable { .. }))
    ));
    let empty = fault(PageFault::Empty).await.unwrap();
    assert_eq!((empty.items.len(), empty.more), (0, false), "it looks like an end, and only the count tells");
    assert!(fault(PageFault::LinkToItself).await.unwrap().more);
    let limited = fault(PageFault::RateLimited { reset_secs: 9 }).await.unwrap_err();
    let expected = ProviderError::RateLimited { retry_after: std::time::Duration::from_secs(9) };
    assert_eq!(limited, ChangesError::Provider(expected));
}

#[tokio::test]
async fn an_odd_value_costs_its_field_and_an_unreadable_item_costs_no_other() {
    let entry = |sys: Value| json!({ "sys": sys, "fields": { "title": { "en-US": "x" } } });
    let kind = json!({ "sys": { "id": "notice" } });
    let items = json!([
        entry(
            json!({ "type": "Entry", "id": "a", "contentType": kind, "revision": "7", "updatedAt": "soon" })
        ),
        entry(json!({ "type": "Entry", "id": "b", "contentType": 7 })),
        entry(json!({ "type": "Entry", "id": "c*", "contentType": kind })),
        entry(json!({ "type": "DeletedEntry", "id": "d", "deletedAt": 7 })),
        entry(json!({ "type": "DeletedEntry", "id": {} })),
        7,
    ]);
    let page = |items: Value| json!({ "items": items, "nextSyncUrl": format!("{SYNC}?sync_token=w5Z") });
    let read = contentful(&answering(200, &[], page(items)).await).changed_since(Some("x")).await.unwrap();
    let [item] = read.items.as_slice() else { panic!("{read:?}") };
    assert_eq!((item.key.id.as_str(), item.revision, item.version), ("a", Some(7), None));
    assert_eq!((read.deletions.len(), read.deletions[0].at, read.ignored), (1, None, 4));
    let none = page(json!([7, { "sys": { "type": "Entry" } }]));
    let error = refusal(&contentful(&answering(200, &[], none).await), None).await;
    assert_eq!(error, ChangesError::Provider(ProviderError::WHOLE_REPLY_MALFORMED));
}

#[tokio::test]
async fn a_name_that_is_there_twice_costs_a_value_only_if_it_has_two() {
    let page = |entry: &str| {
        format!(r#"{{"items":[{entry}],"nextSyncUrl":"{SYNC}?sync_token=w5Z","nextSyncUrl":null}}"#)
    };
    let entry = |sys: &str, fields: &str| {
        format!(
            r#"{{"sys":{{"type":"Entry","id":"a","contentType":{{"sys":{{"id":"notice"}}}}{sys}}}{fields}}}"#
        )
    };
    let fields = r#","fields":{"title":{"en-US":"x"}}"#;
    for (sys, fields, revision) in [
        (r#","revision":7,"revision":7"#, fields.to_owned(), Some(7)),
        (r#","revision":7,"type":null"#, format!(r#"{fields},"fields":null"#), Some(7)),
        (r#","revision":7,"revision":8"#, fields.to_owned(), None),
    ] {
        let url = answering(200, &[], page(&entry(sys, &fields))).await;
        let read = contentful(&url).changed_since(Some("x")).await.unwrap();
        let [item] = read.items.as_slice() else { panic!("{read:?}") };
        assert_eq!((item.revision, &item.body["fields"]["title"]["en-US"]), (revision, &json!("x")), "{sys}");
    }
    for (sys, fields) in [
        (r#","id":"b""#, fields.to_owned()),
        (r#","type":"DeletedEntry""#, fields.to_owned()),
        ("", format!(r#"{fields},"fields":{{"title":{{"en-US":"y"}}}}"#)),
    ] {
        let url = answering(200, &[], page(&entry(sys, &fields))).await;
        let error = refusal(&contentful(&url), Some("x")).await;
        assert_eq!(error, ChangesError::Provider(ProviderError::WHOLE_REPLY_MALFORMED), "{sys} {fields}");
    }
}

#[tokio::test]
async fn a_total_is_read_in_every_form_and_never_overflows() {
    for (total, expected) in [(json!(7), 14), (json!("7"), 14), (json!(u64::MAX), u64::MAX)] {
        let client = contentful(&answering(200, &[], json!({ "total": total })).await);
        assert_eq!(client.count().await, Ok(expected), "{total}");
    }
    for unreadable in [json!({}), json!({ "total": -1 }), json!({ "total": null }), json!([7])] {
        let client = contentful(&answering(200, &[], &unreadable).await);
        let error = ProviderError::Unreadable { field: "total" };
        assert_eq!(client.count().await, Err(error), "{unreadable}");
    }
}
