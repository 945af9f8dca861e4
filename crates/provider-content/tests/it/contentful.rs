//! Contentful's client against the simulated environment.

use provider_content::{ContentClient, ContentProvider, FetchedItem, ItemKey, ProviderError};
use provider_http::Outage;
use simulators::contentful::{ContentfulControl, ContentfulSimulator, Fault};

use crate::clients::{contentful_with, read, refusal, summary};

pub(crate) fn client(cms: &ContentfulControl, page_size: u32) -> ContentClient {
    contentful_with(&cms.base_url(), cms.access_token(), cms.space(), page_size)
}

fn entry(id: &str) -> ItemKey {
    ItemKey { collection: String::from("entry"), id: id.to_owned() }
}

#[tokio::test]
async fn everything_is_read_page_by_page_and_then_only_what_changes() {
    let cms = ContentfulSimulator::start().await;
    for id in ["a", "b", "c", "d"] {
        cms.publish_entry(id, id);
    }
    cms.publish_asset("picture", "Quay");
    cms.unpublish_entry("d");
    let client = client(&cms, 2);
    let (first, pages) = read(&client, None).await;
    assert_eq!(summary(&first), ["asset/picture Quay", "entry/a a", "entry/b b", "entry/c c"]);
    assert_eq!((pages, client.count().await), (2, Ok(4)));

    let (nothing, _) = read(&client, Some(&first.next)).await;
    assert_eq!(summary(&nothing), [""; 0]);
    cms.publish_entry("a", "changed");
    cms.publish_entry("new", "new");
    cms.unpublish_entry("b");
    cms.unpublish_asset("picture");
    for since in [&first.next, &nothing.next] {
        let (changes, pages) = read(&client, Some(since)).await;
        assert_eq!(
            summary(&changes),
            ["asset/picture gone", "entry/a changed", "entry/b gone", "entry/new new"]
        );
        assert_eq!(pages, 2);
    }
}

#[tokio::test]
async fn an_item_is_the_same_in_the_sync_and_by_its_id() {
    let cms = ContentfulSimulator::start().await;
    cms.publish_entry("a", "Quay closure");
    cms.publish_entry("a", "Quay opening");
    let client = client(&cms, 10);
    let (page, _) = read(&client, None).await;
    let [item] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((item.content_type.as_str(), item.revision, item.published), ("notice", Some(2), true));
    assert_eq!(item.locales, ["de", "en-US"]);
    assert!(item.version.is_some() && item.body.get("sys").is_none() && item.body.get("metadata").is_some());
    assert_eq!(client.fetch_item(&entry("a")).await, Ok(FetchedItem::Found(Box::new(item.clone()))));
    cms.unpublish_entry("a");
    assert_eq!(client.fetch_item(&entry("a")).await, Ok(FetchedItem::Gone));
    assert_eq!(client.fetch_item(&entry("never")).await, Ok(FetchedItem::Gone));
    let (changes, _) = read(&client, Some(&page.next)).await;
    assert!(changes.deletions[0].at > item.version);
}

#[tokio::test]
async fn a_change_during_the_first_sync_is_in_the_next_one() {
    let cms = ContentfulSimulator::start().await;
    for id in ["a", "b", "c"] {
        cms.publish_entry(id, id);
    }
    let client = client(&cms, 1);
    let first = client.changed_since(None).await.unwrap();
    cms.publish_entry("a", "changed");
    let (rest, _) = read(&client, Some(&first.next)).await;
    assert_eq!(summary(&rest), ["entry/b b", "entry/c c"]);
    let (changes, _) = read(&client, Some(&rest.next)).await;
    assert_eq!(summary(&changes), ["entry/a changed"]);
}

#[tokio::test]
async fn a_wrong_token_a_wrong_space_and_an_outage_have_different_errors() {
    let mut cms = ContentfulSimulator::start().await;
    let stranger = contentful_with(&cms.base_url(), "CFPAT-other", cms.space(), 10);
    assert_eq!(stranger.ping().await, Err(ProviderError::Unauthorized));
    let lost = contentful_with(&cms.base_url(), cms.access_token(), "orchard2", 10);
    assert_eq!(lost.ping().await, Err(ProviderError::Invalid { status: 404 }));
    let client = client(&cms, 10);
    assert_eq!(client.ping().await, Ok(()));
    cms.set_fault(Fault::Down);
    let down = ProviderError::Unavailable { cause: Outage::ServerError, retry_after: None };
    assert_eq!(client.ping().await, Err(down));
    cms.set_fault(Fault::WrongJson);
    assert!(matches!(client.ping().await, Err(ProviderError::Malformed { .. })));
    cms.set_fault(Fault::None);
    cms.refuse_connections().await;
    assert!(matches!(client.ping().await, Err(ProviderError::Unavailable { .. })));
    cms.accept_connections().await;
    cms.refuse_tokens();
    let (page, _) = read(&client, None).await;
    cms.refuse_tokens();
    assert_eq!(refusal(&client, Some(&page.next)).await, provider_content::ChangesError::CursorRefused);
    assert_eq!((client.source(), client.scope().as_str()), ("contentful", "orchard1/master"));
}
